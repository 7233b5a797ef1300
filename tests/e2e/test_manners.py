"""Greeting, silence and goodbye, through the whole mesh."""

import pytest

from tests.e2e.mesh import Mesh
from tests.e2e.people import SESSION, browser
from tests.fakes.llm import FakeLlm, written
from tests.speech import say

pytestmark = pytest.mark.e2e


@pytest.mark.unmute("S6", "C3")
async def test_the_model_greets_once_there_is_a_character(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    llm.script = written("Good", " morning.")
    async with browser(scripted_mesh.websocket, session=None) as person:
        await person.send({"type": "session.update", "session": {"allow_recording": False}})
        await person.first("session.updated")
        assert not person.of("response.created")
        await person.send({"type": "session.update", "session": SESSION})
        done = await person.first("response.audio.done")
        assert [event["type"] for event in person.heard.events[: done + 1]].count("response.created") == 1
        roles = [role for role, _ in await llm.messages(0)]
        assert roles == ["system", "user"]


@pytest.mark.unmute("S9", "C9")
async def test_a_long_silence_is_broken(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    llm.script = written("Good morning.")
    async with browser(scripted_mesh.websocket) as person:
        done = await person.first("response.audio.done")
        stopped = await person.first("input_audio_buffer.speech_stopped", after=done, within=12)
        waited = person.heard.entries[stopped][0] - person.heard.entries[done][0]
        assert 7.0 <= waited < 8.6
        await person.first("response.audio.done", after=stopped)
        assert (await llm.messages(1))[-1] == ("user", "...")
        assert not person.of("input_audio_buffer.speech_started")


@pytest.mark.unmute("C10", "B32")
async def test_goodbye_closes_the_connection(scripted_mesh: Mesh, llm: FakeLlm) -> None:
    llm.script = written("Good morning.")
    async with browser(scripted_mesh.websocket) as person:
        greeted = await person.first("response.audio.done")
        llm.script = written("It was a pleasure. Bye!")
        person.microphone.say(say("I have to go now. Goodbye."))
        done = await person.first("response.audio.done", after=greeted + 1)
        closed = await person.first("closed", after=done, within=5)
        assert person.close_code == 1000
        waited = person.heard.entries[closed][0] - person.heard.entries[done][0]
        assert 1.0 < waited < 2.6  # a lead until it has been heard, and a second
