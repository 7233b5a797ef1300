"""The system prompt: a character, put into the base prompt that every spoken conversation has."""

import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from mesh.errors import InvalidRequest
from orchestrator.conversation import Policy
from orchestrator.conversation.policy import SILENCE_MARK
from orchestrator.prompts.headlines import Headline, HeadlineCache
from orchestrator.prompts.texts import LANGUAGES, QUESTIONS, ModelApologies, Texts
from parley.conversation.v1.conversation_pb2 import Character, Instructions

_GOODBYE = Policy().goodbye_ending.capitalize()

_MOST_HEADLINES = 10
_NUMBERS = ("one", "two", "three", "four", "five")
_LONGEST_SHOWN = 40
"""Of what a client has sent, in the message that refuses it."""


def here_and_now() -> datetime:
    """The time, in this machine's zone."""
    return datetime.now(UTC).astimezone()


class Prompts:
    """Renders prompts. `chance` picks the random parts of a prompt when it is rendered; `now` gives the time."""

    def __init__(
        self,
        texts: Texts,
        news: HeadlineCache,
        *,
        chance: random.Random | None = None,
        now: Callable[[], datetime] = here_and_now,
    ) -> None:
        self._texts = texts
        self._news_cache = news
        self._chance = chance or random.Random()  # noqa: S311 - variety, not secrecy
        self._now = now
        self._kinds: Mapping[str, Callable[[Character, str], str]] = {
            "constant": self._constant,
            "smalltalk": self._smalltalk,
            "guess_animal": self._guess_animal,
            "quiz_show": self._quiz_show,
            "news": self._news,
            "unmute_explanation": self._unmute_explanation,
        }

    def render(self, instructions: Instructions, *, model: str) -> str:
        """Return the system prompt. A news character whose headlines are missing makes small talk instead.

        `model` is the language model's name as its server gives it. Raises `InvalidRequest` for a character or a
        language that does not exist.
        """
        if instructions.WhichOneof("instructions") == "prompt":
            return instructions.prompt
        character = instructions.character
        if fault := self._fault(character):
            raise InvalidRequest(fault, field="config.session.instructions")
        language = _language(character)
        return self._texts.base.filled(
            silence=SILENCE_MARK,
            goodbye=_GOODBYE,
            language=self._texts.languages[language],
            model=_readable(model),
            character=self._kinds[character.kind](character, _first(language)),
        )

    def spoken_language(self, instructions: Instructions) -> str:
        """Return the language of a character that names just one ("fr"); empty: the person may speak any."""
        language = instructions.character.language
        return language if language in LANGUAGES and "/" not in language else ""

    def apologies(self, instructions: Instructions, language: str = "") -> ModelApologies:
        """Return the apologies in `language`, a BCP 47 tag, if there are any in it.

        Otherwise they are in the language that the conversation begins in; for a plain prompt they are English.
        """
        asked = language.partition("-")[0].lower()
        return (
            self._texts.model_apologies.get(asked)
            or self._texts.model_apologies[_first(_language(instructions.character))]
        )

    def _fault(self, character: Character) -> str | None:
        """Return why a character is invalid, and what was expected; None: it is valid."""
        kind, language = character.kind, character.language
        if kind not in self._kinds:
            return f"no character {kind[:_LONGEST_SHOWN]!r}: expected one of {', '.join(self._kinds)}"
        if character.HasField("language") and language not in LANGUAGES:
            return f"no language {language[:_LONGEST_SHOWN]!r}: expected one of {', '.join(LANGUAGES)}"
        if character.HasField("text") and kind != "constant":
            return f"a {kind} character takes no text: only a constant one does"
        return None

    # --- each kind: its text, from what the client gave and the language it begins in --------------------------------

    def _constant(self, character: Character, _language: str) -> str:
        return character.text if character.HasField("text") else self._texts.constant.filled()

    def _smalltalk(self, _character: Character, language: str) -> str:
        return self._texts.smalltalk.filled(
            now=self._date_in_words(), starter=self._chance.choice(self._texts.starters[language])
        )

    def _guess_animal(self, _character: Character, language: str) -> str:
        return self._texts.guess_animal.filled(
            easy=self._chance.choice(self._texts.easy_animals[language]),
            hard=self._chance.choice(self._texts.hard_animals[language]),
        )

    def _quiz_show(self, _character: Character, language: str) -> str:
        drawn = self._chance.sample(self._texts.questions[language], QUESTIONS)
        lines = (
            f"Question {number}: {each.question} Answer: {each.answer}."
            for number, each in zip(_NUMBERS, drawn, strict=True)
        )
        return self._texts.quiz_show.filled(questions="\n".join(lines), goodbye=_GOODBYE)

    def _news(self, character: Character, language: str) -> str:
        headlines = self._news_cache.headlines
        if not headlines:
            return self._texts.news_unavailable.filled(
                apology=self._chance.choice(self._texts.news_apologies[language]),
                smalltalk=self._smalltalk(character, language),
            )
        drawn = self._chance.sample(headlines, min(len(headlines), _MOST_HEADLINES))
        return self._texts.news.filled(headlines=_paragraphs(drawn), now=self._date_in_words())

    def _unmute_explanation(self, _character: Character, _language: str) -> str:
        return self._texts.unmute_explanation.filled()

    def _date_in_words(self) -> str:
        now = self._now()
        return f"{now:%A}, {now.day} {now:%B %Y}, {now:%H:%M} {now.tzname() or ''}".strip()


def _language(character: Character) -> str:
    if character.kind == "unmute_explanation" or not character.HasField("language"):
        return LANGUAGES[0]
    return character.language


def _first(language: str) -> str:
    """Return the language spoken at the beginning: "fr/en" → "fr"."""
    return language.partition("/")[0]


def _paragraphs(headlines: Iterable[Headline]) -> str:
    return "\n\n".join(_paragraph(headline) for headline in headlines)


def _paragraph(headline: Headline) -> str:
    parts = {
        "Title": headline.title,
        "Description": headline.description,
        "By": headline.author,
        "Date": headline.date,
        "Text": headline.content,
    }
    return "\n".join(f"{name}: {text}" for name, text in parts.items() if text)


def _readable(model: str) -> str:
    """Return a model's name as one would say it: "acme/small-talk_7b" → "small talk 7b"."""
    return model.rpartition("/")[2].replace("-", " ").replace("_", " ")
