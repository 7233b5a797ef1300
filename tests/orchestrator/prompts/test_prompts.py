import random
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from mesh.errors import InvalidRequest
from orchestrator.prompts.headlines import Headline, HeadlineCache
from orchestrator.prompts.prompts import Prompts
from orchestrator.prompts.texts import LANGUAGES
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1.conversation_pb2 import Character, Instructions
from tests.orchestrator.harness import TEXTS

NOW = datetime(2026, 11, 3, 15, 25, tzinfo=UTC)

KINDS = ("constant", "smalltalk", "guess_animal", "quiz_show", "news", "unmute_explanation")

LONGEST_PROMPT = 20_000
"""Characters, some 5 000 tokens: with ten headlines, each as long as any is kept."""

LONG_HEADLINES = tuple(
    Headline(f"Title {number} " + "t" * 190, "d" * 400, "a" * 80, "3 November 2026", "c" * 400) for number in range(40)
)


class KnownNews(HeadlineCache):
    """A news that has been told."""

    def __init__(self, *headlines: Headline) -> None:
        super().__init__(OrchestratorSettings())
        self.headlines = headlines


def prompts(*headlines: Headline, seed: int = 1, now: datetime = NOW) -> Prompts:
    return Prompts(TEXTS, KnownNews(*headlines), chance=random.Random(seed), now=lambda: now)  # noqa: S311


def prompt_of(kind: str, model: str = "acme/small-talk_7b", *, given: Prompts | None = None, **fields: Any) -> str:
    return (given or prompts()).render(Instructions(character=Character(kind=kind, **fields)), model=model)


# --- every character, in every language ---------------------------------------------------------------------------


@pytest.mark.parametrize("language", [None, *LANGUAGES])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("headlines", [(), LONG_HEADLINES], ids=["no news", "news"])
def test_every_prompt_is_whole_and_can_be_spoken(
    kind: str, language: str | None, headlines: tuple[Headline, ...]
) -> None:
    for seed in range(20):
        prompt = prompt_of(kind, given=prompts(*headlines, seed=seed), language=language)
        assert len(prompt) <= LONGEST_PROMPT
        assert not re.search(r"[{}]", prompt), "a placeholder is left"
        assert not re.search(r"[*_`#<>|]|^\s*[-•]|^\s*\d+[.)]\s", prompt, re.MULTILINE), "markup"
        assert not re.search(r"://|www\.", prompt), "an address"
        assert not re.search(r"[\u2600-\u27bf\U0001f000-\U0001ffff]", prompt), "an emoji"
        assert '"..." is nothing the person said' in prompt
        assert 'is "Bye!", in just this form' in prompt
        assert "the language model called small talk 7b" in prompt


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (None, "Speak English. If"),
        ("en", "Speak English. If"),
        ("fr", "Speak French. If"),
        ("en/fr", "Begin in English."),
        ("fr/en", "Begin in French."),
    ],
)
@pytest.mark.parametrize("kind", KINDS)
def test_the_language_is_told(kind: str, language: str | None, told: str) -> None:
    expected = "Speak English. If" if kind == "unmute_explanation" else told
    assert expected in prompt_of(kind, language=language)


@pytest.mark.parametrize(
    ("model", "read"),
    [("acme/small-talk_7b", "small talk 7b"), ("gpt-6", "gpt 6"), ("of unknown name", "of unknown name")],
)
def test_the_model_is_named_as_one_would_say_it(model: str, read: str) -> None:
    assert f"You are the language model called {read}, and" in prompt_of("constant", model)


# --- each of them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "You are a parrot.", "Say {language} and {0}!"])
def test_a_whole_prompt_is_taken_as_it_is(text: str) -> None:
    assert prompts().render(Instructions(prompt=text), model="m") == text


def test_a_constant_character_is_what_the_client_says() -> None:
    prompt = prompt_of("constant", text="a sailor who likes {braces} and {character}")
    assert prompt.endswith("Your character: a sailor who likes {braces} and {character}")


def test_a_constant_character_has_a_default() -> None:
    assert "a warm, attentive companion" in prompt_of("constant")


def test_smalltalk_knows_the_time_and_the_zone() -> None:
    assert "It is Tuesday, 3 November 2026, 15:25 UTC where" in prompt_of("smalltalk")
    abroad = NOW.astimezone(timezone(timedelta(hours=1), "CET"))
    assert "3 November 2026, 16:25 CET where" in prompt_of("smalltalk", given=prompts(now=abroad))


@pytest.mark.parametrize(("language", "begins_in"), [("en", "en"), ("fr", "fr"), ("en/fr", "en"), ("fr/en", "fr")])
def test_what_is_drawn_is_in_the_language_the_conversation_begins_in(language: str, begins_in: str) -> None:
    assert sum(starter in prompt_of("smalltalk", language=language) for starter in TEXTS.starters[begins_in]) == 1
    animals = prompt_of("guess_animal", language=language)
    assert [each for each in TEXTS.easy_animals[begins_in] if f"the animal is: {each}." in animals]
    assert [each for each in TEXTS.hard_animals[begins_in] if f"the second it is: {each}." in animals]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_quiz_has_five_different_questions_with_their_answers(language: str) -> None:
    prompt = prompt_of("quiz_show", language=language)
    asked = [
        (question, answer)
        for question, answer in TEXTS.questions[language]
        if re.search(rf"^Question \w+: {re.escape(question)} Answer: {re.escape(answer)}\.$", prompt, re.MULTILINE)
    ]
    assert len(asked) == 5
    assert re.findall(r"^Question (\w+):", prompt, re.MULTILINE) == ["one", "two", "three", "four", "five"]
    assert 'end the show\nwith "Bye!"' in prompt


def test_the_news_are_at_most_ten_and_shuffled() -> None:
    given = prompts(*LONG_HEADLINES)
    drawn = [re.findall(r"Title: Title (\d+) ", prompt_of("news", given=given)) for _ in range(2)]
    assert [len(set(each)) for each in drawn] == [10, 10]
    assert drawn[0] != drawn[1]
    assert drawn[0] != sorted(drawn[0], key=int)


def test_a_piece_of_news_says_what_is_known_of_it() -> None:
    known = prompt_of("news", given=prompts(Headline("T", "D", "A", "3 November 2026", "C")))
    assert "\n\nTitle: T\nDescription: D\nBy: A\nDate: 3 November 2026\nText: C\n\n" in known
    assert "\n\nTitle: T\n\n" in prompt_of("news", given=prompts(Headline("T")))


@pytest.mark.unmute("B31")
@pytest.mark.parametrize(("language", "begins_in"), [("en", "en"), ("fr", "fr"), ("en/fr", "en"), ("fr/en", "fr")])
def test_without_news_there_is_small_talk_and_an_apology(language: str, begins_in: str) -> None:
    prompt = prompt_of("news", language=language)
    assert [each for each in TEXTS.news_apologies[begins_in] if each in prompt]
    assert [each for each in TEXTS.starters[begins_in] if each in prompt]
    assert TEXTS.languages[language] in prompt


def test_the_explanation_is_of_this_system() -> None:
    assert "explains Parley" in prompt_of("unmute_explanation", language="fr")


# --- chance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["smalltalk", "guess_animal", "quiz_show", "news"])
def test_setting_the_same_again_draws_anew(kind: str) -> None:
    given = prompts()
    assert len({prompt_of(kind, given=given) for _ in range(20)}) > 5


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_chance_gives_the_same_prompt(kind: str) -> None:
    assert prompt_of(kind) == prompt_of(kind)


def test_every_question_is_drawn_sooner_or_later() -> None:
    given = prompts()
    told = "".join(prompt_of("quiz_show", given=given) for _ in range(200))
    assert all(question in told for question, _ in TEXTS.questions["en"])


# --- what there is not --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (
            Instructions(character=Character(kind="pirate")),
            f"no character 'pirate': expected one of {', '.join(KINDS)}",
        ),
        (Instructions(), "no character ''"),
        (
            Instructions(character=Character(kind="news", language="xx")),
            "no language 'xx': expected one of en, fr, en/fr, fr/en",
        ),
        (Instructions(character=Character(kind="constant", language="")), "no language ''"),
        (
            Instructions(character=Character(kind="quiz_show", text="Be.")),
            "a quiz_show character takes no text: only a constant one does",
        ),
    ],
)
def test_what_does_not_exist_is_refused(instructions: Instructions, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        prompts().render(instructions, model="m")
    assert message in refused.value.message
    assert refused.value.field == "config.session.instructions"
