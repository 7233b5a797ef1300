"""Conversations through real processes, by a client that knows the protocol's description alone."""

import asyncio
from collections.abc import Iterator

import httpx2
import numpy as np
import pytest

from tests.e2e.mesh import Mesh
from tests.speech import say
from tests.unmute.client import SIX_MESSAGES, Call, calling, converse
from tests.unmute.mesh_with_standins import MeshWithStandins, running_mesh_with_standins
from tests.unmute.occurrences import Received
from tests.unmute.rules import RELEASE_LEAD_S, ReplyEvent
from tests.unmute.sheet import (
    AudioDelta,
    AudioDone,
    Constant,
    Explanation,
    GuessAnimal,
    Interrupted,
    News,
    QuizShow,
    ResponseCreated,
    SessionUpdated,
    SmallTalk,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Transcribed,
    read_voices,
)

pytestmark = pytest.mark.e2e

UTTERANCES = tuple(say(text) for text in ("What time is it", "Tell me more about it", "Thank you very much for that"))
HEARD = ("What time is it?", "Tell me more.", "Thanks for that.")
AUDIBLE = 0.01
EACH_KIND = (
    Constant("You are a gardener.", language="fr"),
    SmallTalk(language="fr/en"),
    GuessAnimal(language=None),
    QuizShow(language="en"),
    News(language="en/fr"),
    Explanation(),
)
STORY = " ".join(["Once upon a time there was a tale that would not end,"] * 12)
REPLIES = ("Hello there, my friend.", "It is nearly time for tea.", "There is not much more to tell, I fear.")


@pytest.fixture(scope="module")
def system() -> Iterator[MeshWithStandins]:
    hear = [f"--hear={text}" for text in HEARD]
    with running_mesh_with_standins(*hear, *(f"--reply={text}" for text in REPLIES)) as running:
        yield running


def first_voice(mesh: Mesh) -> str:
    return read_voices(httpx2.get(f"{mesh.http}/v1/voices").content)[0].source.path_on_server


def in_order(call: Call) -> None:
    assert not [str(violation) for violation in call.violations]


@pytest.mark.unmute("C15", "C5", "C6", "S4", "B22", "B33")
async def test_eight_at_once_exchange_six_messages_each(system: MeshWithStandins) -> None:
    voice = first_voice(system.mesh)
    async with asyncio.TaskGroup() as group:
        calls = [group.create_task(converse(system.mesh.websocket, voice, UTTERANCES)) for _ in range(8)]
    for call in (task.result() for task in calls):
        in_order(call)
        assert len(call.history) >= SIX_MESSAGES
        assert np.abs(np.concatenate(call.speech)).max() > AUDIBLE


@pytest.mark.unmute("C6", "S4", "S9", "B10", "B11")
async def test_a_reply_that_is_spoken_over_stops_and_the_word_is_told(system: MeshWithStandins) -> None:
    system.change("llm", replies=[STORY])
    try:
        async with calling(system.mesh.websocket) as call:
            await call.update(SmallTalk(language="en"), first_voice(system.mesh))
            # The first reply cannot be interrupted for a while: the rule is the server's.
            begun = await call.until(TextDelta)
            for _ in range(12):
                begun = await call.until(TextDelta, after=begun)
            spoken_over = call.say(UTTERANCES[1])
            interrupted = await call.until(Interrupted, after=spoken_over)
            assert not call.of(AudioDone)
            created = await call.until(ResponseCreated, after=interrupted)
            await call.until(AudioDelta, after=created)
            assert call.of(Transcribed, after=spoken_over)[0].delta == HEARD[0].split()[0]
            assert len(call.of(SpeechStarted, after=spoken_over)) == len(call.of(SpeechStopped, after=spoken_over)) == 1
            between = call.occurrences[interrupted:created]
            assert not [each for each in between if isinstance(each, Received) and isinstance(each.event, ReplyEvent)]
        in_order(call)
    finally:
        system.change("llm", replies=list(REPLIES))


@pytest.mark.unmute("C9", "S9")
async def test_a_silence_of_seven_seconds_is_broken(system: MeshWithStandins) -> None:
    async with calling(system.mesh.websocket) as call:
        await call.update(SmallTalk(language="en/fr"))
        done = await call.until(AudioDone)
        stopped = await call.until(SpeechStopped, after=done, within=12)
        await call.until(AudioDone, after=stopped)
        assert not call.of(SpeechStarted)
        assert not call.of(Transcribed)
        assert [entry.content for entry in call.history][1:2] == ["..."]
    in_order(call)


@pytest.mark.unmute("C10", "S7", "B32")
async def test_a_goodbye_closes_with_1000(system: MeshWithStandins) -> None:
    system.change("llm", replies=["It was a pleasure. Bye!"])
    try:
        async with calling(system.mesh.websocket) as call:
            await call.update(SmallTalk(language=None))
            done = await call.until(AudioDone)
            ended = await call.until_ended(within=5)
        assert (ended.code, ended.reason, ended.by_client) == (1000, "", False)
        # All of it can have been heard by then: it was released at most so much ahead.
        assert ended.at - call.occurrences[done - 1].at > RELEASE_LEAD_S
        in_order(call)
    finally:
        system.change("llm", replies=list(REPLIES))


@pytest.mark.unmute("S3", "S4", "S2")
async def test_settings_are_echoed_with_their_defaults(system: MeshWithStandins) -> None:
    async with calling(system.mesh.websocket) as call:
        told = 0
        for instructions in (None, *EACH_KIND):
            await call.update(instructions, "custom:0b7f4e0c-7c7e-4b36-9d4f-2f3f7d0a6f11")
            told = await call.until(SessionUpdated, after=told)
    in_order(call)


@pytest.mark.unmute("C15")
async def test_the_embedded_engines_keep_the_order_too(mesh: Mesh) -> None:
    async with asyncio.TaskGroup() as group:
        voice = first_voice(mesh)
        calls = [group.create_task(converse(mesh.websocket, voice, UTTERANCES)) for _ in range(2)]
    for call in (task.result() for task in calls):
        in_order(call)
