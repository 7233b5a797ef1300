"""Utterances over a voice that speaks at once, two seconds a clause, and remembers what it was asked to say."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest

from mesh.audio import SAMPLE_RATE
from tts_proxy.clauses.script import script_of
from tts_proxy.clauses.speech import SILENCE, Speech
from tts_proxy.clauses.splitting import Clause
from tts_proxy.clauses.utterance import ClauseUtterance
from tts_proxy.engine import Audio, Event, Word

CLAUSE_S = 2.0
PATIENCE_S = 0.05
LIMIT_S = 5.0


class Voice:
    def __init__(self) -> None:
        self.said: list[str] = []

    async def say(self, clause: Clause) -> Speech:
        script = script_of(clause)
        if not script.words:
            return SILENCE
        self.said.append(script.text)
        words = [Word(word.text, 0.0, CLAUSE_S) for word in script.words]
        return Speech(np.ones(round(CLAUSE_S * SAMPLE_RATE), np.int16), words)


@pytest.fixture
def voice() -> Voice:
    return Voice()


@pytest.fixture
def utterance(voice: Voice) -> ClauseUtterance:
    return ClauseUtterance(voice, PATIENCE_S)


async def rest_of(events: AsyncIterator[Event]) -> list[Event]:
    async with asyncio.timeout(LIMIT_S):
        return [event async for event in events]


async def next_words(events: AsyncIterator[Event]) -> str:
    """The words up to the next audio."""
    words = []
    async with asyncio.timeout(LIMIT_S):
        async for event in events:
            if isinstance(event, Audio):
                break
            words.append(event.text)
    return " ".join(words)


async def test_speaks_clause_by_clause(utterance: ClauseUtterance, voice: Voice) -> None:
    await utterance.speak("Hello there, friend. How")
    await utterance.speak("are you?")
    await utterance.finish()
    events = await rest_of(aiter(utterance))
    assert voice.said == ["Hello there,", "friend.", "How are you?"]
    assert [event.text for event in events if isinstance(event, Word)] == [
        "Hello",
        "there,",
        "friend.",
        "How",
        "are",
        "you?",
    ]
    assert sum(isinstance(event, Audio) for event in events) == 3


async def test_makes_the_next_clause_only_when_it_is_wanted(utterance: ClauseUtterance, voice: Voice) -> None:
    await utterance.speak("One. Two. Three.")
    events = aiter(utterance)
    assert await next_words(events) == "One."
    assert voice.said == ["One."]


async def test_says_what_waits_when_nothing_follows(utterance: ClauseUtterance) -> None:
    await utterance.speak("Nothing more")
    assert await next_words(aiter(utterance)) == "Nothing more"


async def test_patience_is_longer_while_there_is_something_to_listen_to(voice: Voice) -> None:
    utterance = ClauseUtterance(voice, PATIENCE_S)
    events = aiter(utterance)
    await utterance.speak("Listen.")
    assert await next_words(events) == "Listen."
    begun = asyncio.get_running_loop().time()
    await utterance.speak("Nothing more")
    assert await next_words(events) == "Nothing more"
    waited_s = asyncio.get_running_loop().time() - begun
    assert waited_s == pytest.approx(CLAUSE_S - PATIENCE_S, abs=0.5)


async def test_text_that_comes_meanwhile_is_spoken(utterance: ClauseUtterance) -> None:
    events = aiter(utterance)
    words = asyncio.create_task(next_words(events))
    await asyncio.sleep(0)
    await utterance.speak("At last!")
    assert await words == "At last!"


@pytest.mark.parametrize("text", ["", "  ", "😀", "* * *", "... —"])
async def test_nothing_to_say_is_no_audio(utterance: ClauseUtterance, voice: Voice, text: str) -> None:
    await utterance.speak(text)
    await utterance.finish()
    assert await rest_of(aiter(utterance)) == []
    assert voice.said == []


async def test_text_has_to_wait_while_much_is_unspoken(utterance: ClauseUtterance) -> None:
    await utterance.speak("word " * 4_000)
    blocked = asyncio.create_task(utterance.speak("more."))
    events = aiter(utterance)
    await next_words(events)
    await asyncio.sleep(0)
    assert not blocked.done()
    while "more." not in await next_words(events):
        pass
    await blocked


async def test_a_voice_that_fails_ends_the_speech() -> None:
    class Broken:
        async def say(self, _clause: Clause) -> Speech:
            raise RuntimeError("the voice has broken")

    utterance = ClauseUtterance(Broken(), PATIENCE_S)
    await utterance.speak("Hello.")
    with pytest.raises(RuntimeError, match="has broken"):
        await rest_of(aiter(utterance))
