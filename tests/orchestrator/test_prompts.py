from datetime import UTC, datetime

import pytest

from mesh.errors import InvalidRequest
from orchestrator.prompts import render
from parley.conversation.v1.conversation_pb2 import Character, Instructions

NOW = datetime(2026, 11, 23, 15, 25, tzinfo=UTC)


def prompt_of(character: Character, model: str = "acme/small-talk_7b") -> str:
    return render(Instructions(character=character), model=model, now=NOW)


@pytest.mark.parametrize("text", ["", "You are a parrot.", "Say {language} and {0}!"])
def test_a_whole_prompt_is_taken_as_it_is(text: str) -> None:
    assert render(Instructions(prompt=text), model="m", now=NOW) == text


def test_a_constant_character_is_put_into_the_house_prompt() -> None:
    prompt = prompt_of(Character(kind="constant", text="a sailor who likes {braces}"))
    assert "Your character: a sailor who likes {braces}" in prompt
    assert '"..." stands for a long silence' in prompt
    assert "Speak English." in prompt


def test_a_constant_character_has_a_default() -> None:
    assert "a warm, attentive companion" in prompt_of(Character(kind="constant"))


def test_smalltalk_knows_the_time_and_how_to_begin() -> None:
    prompt = prompt_of(Character(kind="smalltalk"))
    assert "It is Monday, 23 November 2026, 15:25 UTC." in prompt
    assert '?"' in prompt


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "Speak English. If"),
        ("fr", "Speak French. If"),
        ("en/fr", "Begin in English."),
        ("fr/en", "Begin in French."),
    ],
)
def test_the_language_is_told(language: str, told: str) -> None:
    assert told in prompt_of(Character(kind="constant", language=language))


@pytest.mark.parametrize(
    ("model", "read"),
    [("acme/small-talk_7b", "small talk 7b"), ("gpt-6", "gpt 6"), ("of unknown name", "of unknown name")],
)
def test_the_model_is_named_as_one_would_say_it(model: str, read: str) -> None:
    assert f"You are the language model {read}, speaking" in prompt_of(Character(kind="constant"), model)


def test_no_placeholder_is_left() -> None:
    for kind in ("constant", "smalltalk"):
        prompt = prompt_of(Character(kind=kind))
        assert "{" not in prompt
        assert "}" not in prompt


@pytest.mark.parametrize(
    ("instructions", "message"),
    [
        (Instructions(character=Character(kind="pirate")), "no character 'pirate': expected constant or smalltalk"),
        (Instructions(), "no character ''"),
        (Instructions(character=Character(kind="constant", language="xx")), "no language 'xx': expected one of en, fr"),
        (Instructions(character=Character(kind="constant", language="")), "no language ''"),
    ],
)
def test_what_does_not_exist_is_refused(instructions: Instructions, message: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        render(instructions, model="m", now=NOW)
    assert message in refused.value.message
    assert refused.value.field == "config.session.instructions"
