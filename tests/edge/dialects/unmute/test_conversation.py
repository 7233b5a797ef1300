"""Whole turns in Unmute's dialect: a client, an edge and an orchestrator, with engines that say what the test wants."""

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edge.audio.ogg import OggReader
from edge.dialects.unmute.dialect import PACING_LEAD_S
from edge.server import EdgeServer
from tests.edge.conftest import EdgeFactory
from tests.edge.dialects.unmute.talker import (
    AUDIO,
    AUDIO_DONE,
    CREATED,
    INTERRUPTED,
    OUTPUTS,
    READY,
    STARTED,
    STOPPED,
    TEXT,
    TEXT_DONE,
    TRANSCRIPTION,
    UPDATED,
    Talker,
    talker,
)
from tests.fakes.llm import written
from tests.fakes.tts import spoken
from tests.orchestrator.harness import Harness, open_harness

SAILOR = {"type": "constant", "text": "a sailor"}


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    async with open_harness() as built:
        yield built


@pytest.fixture
async def edge(harness: Harness, serve_edge: EdgeFactory) -> AsyncIterator[EdgeServer]:
    async with serve_edge(orchestrator_target=harness.server.address) as server:
        yield server


@pytest.fixture
async def person(edge: EdgeServer) -> AsyncIterator[Talker]:
    async with talker(edge.port) as somebody:
        yield somebody


async def greeted(person: Talker) -> None:
    """They have been greeted, and have heard all of it; their events begin afterwards."""
    await person.client.update(instructions=SAILOR)
    await person.keep_silent(0.2)
    await person.until(AUDIO_DONE)
    await asyncio.sleep(PACING_LEAD_S)
    person.events.clear()


async def say(person: Talker, harness: Harness, *words: str) -> None:
    """They say these words, and pause."""
    hearing = await harness.stt.hearing()
    before = hearing.offset
    await person.speak(0.4)
    await hearing.until(lambda: hearing.offset > before + 0.2)
    for word in words:
        hearing.word(word)
    await person.until(STARTED)
    await person.keep_silent(0.4)


@pytest.mark.unmute("C6", "S4")
async def test_a_turn_of_each_side(person: Talker, harness: Harness) -> None:
    await greeted(person)
    await say(person, harness, "Ahoy", "there")
    await person.until(AUDIO_DONE)
    assert person.types()[:5] == [TRANSCRIPTION, STARTED, TRANSCRIPTION, STOPPED, CREATED]
    kinds = [event["type"] for event in person.events]
    reply = kinds[kinds.index(CREATED) :]
    assert reply[:2] == [CREATED, READY]
    assert reply[-3:] == [AUDIO, OUTPUTS, AUDIO_DONE]
    assert set(reply[reply.index(TEXT_DONE) + 1 : -3]) <= {AUDIO, TEXT}
    assert {AUDIO, TEXT} <= set(reply[:-3])
    *_, outputs, _ = person.events
    history = outputs["args"]["chat_history"]
    assert history[-2:] == [
        {"role": "user", "content": "Ahoy there"},
        {"role": "assistant", "content": "Well, hello there."},
    ]


class TestGreeting:
    @pytest.mark.unmute("S6", "C3")
    async def test_needs_audio(self, person: Talker, harness: Harness) -> None:
        await person.client.update(instructions=SAILOR)
        await person.until(UPDATED)
        await person.client.update()
        await person.until(UPDATED)
        assert harness.llm.requests == []
        await person.keep_silent(0.2)
        await person.until(CREATED)

    @pytest.mark.unmute("S6", "C3")
    async def test_needs_instructions(self, person: Talker, harness: Harness) -> None:
        await person.keep_silent(0.2)
        await person.client.update(voice="alto")
        await person.until(UPDATED)
        await person.keep_silent(0.2)
        await person.client.update()
        await person.until(UPDATED)
        assert harness.llm.requests == []
        await person.client.update(instructions=SAILOR)
        await person.until(CREATED)

    @pytest.mark.unmute("S6")
    async def test_comes_once(self, person: Talker, harness: Harness) -> None:
        await greeted(person)
        await person.client.update(instructions=SAILOR)
        await person.keep_silent(0.4)
        await person.client.update()
        await person.until(UPDATED)
        await person.until(UPDATED)
        assert len(harness.llm.requests) == 1
        assert CREATED not in person.types()


@pytest.mark.unmute("C2", "S1")
async def test_nothing_is_said_before_the_first_update(person: Talker, harness: Harness) -> None:
    await person.keep_silent(2.0)
    hearing = await harness.stt.hearing()
    await hearing.until(lambda: hearing.offset > 1.8)
    await person.client.update()
    await person.until(UPDATED)
    assert [event["type"] for event in person.events] == [UPDATED]


@pytest.mark.unmute("S4")
async def test_a_pause_is_filled_once_a_second_of_audio(person: Talker) -> None:
    await greeted(person)
    for _ in range(3):
        await person.keep_silent(1.2)
        await person.until(OUTPUTS)
    assert [event["type"] for event in person.events] == [OUTPUTS] * 3
    outputs = person.events[-1]["args"]
    assert outputs["chat_history"] == [{"role": "assistant", "content": "Well, hello there."}]
    assert outputs["debug_dict"]["conversation_state"] == "waiting_for_user"
    assert 3.0 < outputs["debug_dict"]["last_receive_time"] <= 3.8


class TestInterruption:
    @pytest.mark.unmute("C5", "B10", "B12", "S4")
    async def test_by_detected_speech(self, person: Talker, harness: Harness) -> None:
        """After the greeting, whose window protects it from mere sounds."""
        await greeted(person)
        harness.tts.script = spoken(6)
        await say(person, harness, "Tell", "me")
        await person.until(TEXT)
        await person.until(TEXT)
        await person.speak(0.4)
        await person.until(INTERRUPTED)
        (await harness.stt.hearing()).word("Stop")
        await person.until(STARTED)
        kinds = [event["type"] for event in person.events]
        assert kinds[-4:] == [AUDIO, INTERRUPTED, TRANSCRIPTION, STARTED]
        assert AUDIO_DONE not in kinds
        cut = kinds.index(INTERRUPTED)
        created = person.events[kinds.index(CREATED)]["response"]
        assert person.events[cut]["response"] == {"id": created["id"], "status": "cancelled", "text": "Well,"}
        harness.tts.script = spoken(1)
        await person.keep_silent(0.4)
        await person.until(AUDIO_DONE)
        assert not {AUDIO, TEXT, READY, TEXT_DONE} & set(kinds_between(person, INTERRUPTED, CREATED))
        assert person.events[-2]["args"]["chat_history"][-3:] == [
            {"role": "assistant", "content": "Well,"},
            {"role": "user", "content": "Stop"},
            {"role": "assistant", "content": "Well, hello there."},
        ]
        assert_one_stream(person)

    @pytest.mark.unmute("B10", "B11")
    async def test_by_a_word_even_of_the_greeting(self, person: Talker, harness: Harness) -> None:
        harness.tts.script = spoken(25)
        await person.client.update(instructions=SAILOR)
        await person.keep_silent(0.2)
        await person.until(TEXT)
        await person.speak(0.2)
        (await harness.stt.hearing()).word("Stop")
        await person.until(STARTED)
        kinds = [event["type"] for event in person.events]
        assert kinds[-4:] == [AUDIO, INTERRUPTED, TRANSCRIPTION, STARTED]
        assert person.events[-2]["delta"] == "Stop"


def kinds_between(person: Talker, first: str, last: str) -> list[str]:
    """The types after the last event of one type and before the last of another."""
    kinds = [event["type"] for event in person.events]
    begin = len(kinds) - kinds[::-1].index(first)
    end = len(kinds) - 1 - kinds[::-1].index(last)
    return kinds[begin:end]


def assert_one_stream(person: Talker) -> None:
    stream = b"".join(base64.b64decode(event["delta"]) for event in person.events if event["type"] == AUDIO)
    pages = list(OggReader().read(stream))
    sequence = [int.from_bytes(page.encoded[18:22], "little") for page in pages]
    assert sequence == list(range(sequence[0], sequence[0] + len(pages)))
    assert not any(page.begins_stream for page in pages)
    assert {page.serial for page in pages} == {pages[0].serial}
    granules = [int.from_bytes(page.encoded[6:14], "little") for page in pages]
    assert {later - earlier for earlier, later in itertools.pairwise(granules)} == {1_920}


class TestSessionUpdate:
    @pytest.mark.unmute("S3")
    async def test_a_new_prompt_keeps_the_history(self, person: Talker, harness: Harness) -> None:
        await greeted(person)
        await person.client.update(instructions={"type": "constant", "text": "a pirate"})
        await person.until(UPDATED)
        await say(person, harness, "Ahoy")
        await person.until(AUDIO_DONE)
        (role, prompt), *rest = await harness.llm.messages(1)
        assert role == "system"
        assert "a pirate" in prompt
        assert "a sailor" not in prompt
        assert rest == [("user", "Hello."), ("assistant", "Well, hello there."), ("user", "Ahoy")]

    @pytest.mark.unmute("S3")
    async def test_a_voice_speaks_from_the_next_reply_on(self, person: Talker, harness: Harness) -> None:
        harness.tts.script = spoken(10)
        await person.client.update(instructions=SAILOR, voice="alto")
        await person.keep_silent(0.2)
        assert (await person.until(CREATED))["response"]["voice"] == "alto"
        await person.client.update(voice="bass")
        await person.until(UPDATED)
        await person.client.update(voice="")
        await person.client.update(voice=None)
        await person.until(AUDIO_DONE)
        await asyncio.sleep(PACING_LEAD_S)
        await say(person, harness, "Ahoy")
        assert (await person.until(CREATED))["response"]["voice"] == "bass"
        await person.until(AUDIO_DONE)
        assert harness.tts.asked_voices == ["alto", "bass"]

    @pytest.mark.unmute("S7")
    async def test_a_voice_that_nobody_knows_is_replaced_with_a_warning(self, person: Talker, harness: Harness) -> None:
        harness.tts.unknown_voices = {"nobody"}
        await person.client.update(instructions=SAILOR, voice="nobody")
        await person.keep_silent(0.2)
        error = (await person.until("error"))["error"]
        assert error["type"] == "warning"
        assert "nobody" in error["message"]
        await person.until(AUDIO_DONE)
        assert harness.tts.asked_voices == ["nobody"]


@pytest.mark.unmute("B8")
async def test_a_reply_without_words_ends_its_turn(person: Talker, harness: Harness) -> None:
    harness.llm.script = written("")
    await person.client.update(instructions=SAILOR)
    await person.keep_silent(0.2)
    await person.until(AUDIO_DONE)
    assert person.types() == [UPDATED, CREATED, READY, TEXT_DONE, AUDIO, OUTPUTS, AUDIO_DONE]
    harness.llm.script = written("Ahoy")
    await say(person, harness, "Hello")
    assert (await person.until(OUTPUTS))["args"]["chat_history"][-1]["content"]


@pytest.mark.unmute("S7")
async def test_a_model_that_fails_is_apologised_for(person: Talker, harness: Harness) -> None:
    """The reply that failed has its outcome; the apology is a reply like any other."""
    harness.llm.status = 500
    await person.client.update(instructions=SAILOR)
    await person.keep_silent(0.2)
    await person.until(AUDIO_DONE)
    kinds = [event["type"] for event in person.events]
    assert kinds[:5] == [UPDATED, CREATED, "error", OUTPUTS, CREATED]
    assert person.events[2]["error"]["type"] == "warning"
    first, second = (event["response"] for event in person.events if event["type"] == CREATED)
    assert person.events[3]["response"] == {"id": first["id"], "status": "failed", "text": ""}
    assert person.events[-1]["response"]["id"] == second["id"]
    assert READY in kinds


@pytest.mark.unmute("C10", "S7")
async def test_a_goodbye_closes_with_1000_once_it_is_heard(person: Talker, harness: Harness) -> None:
    harness.llm.script = written("Good", "bye!")
    await person.client.update(instructions=SAILOR)
    await person.keep_silent(0.2)
    await person.until(AUDIO_DONE)
    assert await person.client.closed() == (1000, "")


@pytest.mark.unmute("S3")
async def test_a_hundred_updates_at_once_are_each_answered(person: Talker, harness: Harness) -> None:
    """32 may wait for their answer; whichever come while so many wait are refused, and the session goes on."""
    for number in range(100):
        await person.client.update(voice=f"voice-{number}")
    answers: list[dict[str, Any]] = [await person.client.next_event() for _ in range(100)]
    assert {event["type"] for event in answers} <= {UPDATED, "error"}
    echoed = [event["session"]["voice"] for event in answers if event["type"] == UPDATED]
    assert len(echoed) >= 32
    assert echoed == sorted(echoed, key=lambda voice: int(voice.removeprefix("voice-")))
    await greeted(person)
    assert len(harness.tts.asked_voices) == 1


async def test_only_anonymized_audio_is_no_audio(person: Talker, harness: Harness) -> None:
    await person.client.update(instructions=SAILOR)
    for _ in range(50):
        await person.client.send(type="unmute.input_audio_buffer.append_anonymized", number_of_samples=1_920)
    await person.client.update()
    await person.until(UPDATED)
    await person.until(UPDATED)
    assert [event["type"] for event in person.events] == [UPDATED, UPDATED]
    assert harness.llm.requests == []
