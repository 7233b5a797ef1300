"""Recordings of conversations through the whole mesh, with real speech."""

import base64
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import sphn

from launcher.recordings.transcript import transcript
from launcher.recordings.unmute import unmute
from mesh.audio import SAMPLE_RATE
from orchestrator.recorder import records
from orchestrator.recorder.reading import read, replay
from tests.e2e.mesh import Mesh, running_mesh
from tests.e2e.people import Browser, browser
from tests.e2e.test_barge_in import LONG_REPLY
from tests.fakes.llm import FakeLlm, written
from tests.launcher.conftest import Parley, parley
from tests.orchestrator.recorder.kept import files, unfinished, until
from tests.speech import say, share_of_words
from tests.unmute.recordings import valid

pytestmark = pytest.mark.e2e

__all__ = ["parley"]

ALLOWED = {"instructions": {"type": "smalltalk", "language": "en"}, "voice": None, "allow_recording": True}
QUESTION = "Stop please. What is your name?"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def recording_mesh(llm_port: int, folder: Path) -> Iterator[Mesh]:
    """A mesh that keeps recordings, set up as Unmute's backend is."""
    settings = {"KYUTAI_RECORDINGS_DIR": str(folder), "KYUTAI_LLM_URL": f"http://127.0.0.1:{llm_port}"}
    with running_mesh(**settings) as running:
        yield running


@pytest.fixture(autouse=True)
def _empty(folder: Path) -> Iterator[None]:
    yield
    for file in files(folder):
        file.unlink()


async def interrupt(person: Browser, llm: FakeLlm) -> int:
    """Have a long reply begun, speak over it, and hear the answer to the end; return where that ended."""
    word = 0
    for _ in range(18):
        word = await person.first("response.text.delta", after=word + 1)
    llm.script = written("Parley.")
    person.microphone.say(say(QUESTION))
    interrupted = await person.first("unmute.interrupted_by_vad", after=word)
    return await person.first("response.audio.done", after=interrupted)


@pytest.mark.unmute("S13")
async def test_a_conversation_with_an_interruption_is_replayed_and_exported(
    recording_mesh: Mesh, llm: FakeLlm, folder: Path, parley: Parley
) -> None:
    llm.script = written(*LONG_REPLY)
    async with browser(recording_mesh.websocket, session=ALLOWED) as person:
        await interrupt(person, llm)
        assert replay(await unfinished(folder)).steps
    (file,) = await until(folder, ".jsonl")

    replayed = await parley("recording", "replay", file)
    assert replayed.code == 0, replayed.out
    assert "all the same" in replayed.out
    assert replay(file).complete

    entries = [valid(line) for line in unmute(file)]
    _is_what_the_client_heard(entries, person)

    text = "\n".join(transcript(file))
    assert "[interrupted] (not heard: " in text
    assert share_of_words(QUESTION, text.partition("you: ")[2].partition("\n")[0]) >= 0.4
    assert "parley: Parley." in text


def _is_what_the_client_heard(entries: list[dict[str, Any]], person: Browser) -> None:
    """The export has the client's own events, in their order; those of the same moment may have crossed each other."""
    for kind in ("response.created", "response.text.delta", "response.text.done", "unmute.interrupted_by_vad"):
        told = [entry["data"] for entry in entries if entry["data"]["type"] == kind]
        heard = person.of(kind)
        assert _without_ids(told)[: len(heard)] == _without_ids(heard)
    pages = [entry["data"]["delta"] for entry in entries if entry["data"]["type"] == "response.audio.delta"]
    opus = sphn.OpusStreamReader(SAMPLE_RATE)
    sound = np.concatenate([opus.append_bytes(base64.b64decode(page)) for page in pages])
    heard_sound = np.concatenate(person.speech)
    assert len(sound) == pytest.approx(len(heard_sound), abs=SAMPLE_RATE)
    assert float(np.sqrt(np.mean(sound**2))) == pytest.approx(float(np.sqrt(np.mean(heard_sound**2))), rel=0.2)


def _without_ids(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "event_id"} for event in events]


@pytest.mark.unmute("C14", "B17")
async def test_withdrawal_in_the_middle_of_a_reply(recording_mesh: Mesh, llm: FakeLlm, folder: Path) -> None:
    llm.script = written(*LONG_REPLY)
    async with browser(recording_mesh.websocket, session=ALLOWED) as person:
        await person.first("response.text.delta")
        await unfinished(folder)
        await person.send({"type": "session.update", "session": {"allow_recording": False}})
        asked = await person.first("session.updated", after=await person.first("session.updated") + 1)
        await until(folder)
        await person.send({"type": "session.update", "session": {"allow_recording": True}})
        await person.first("session.updated", after=asked + 1)
        # The session goes on, and stays unrecorded.
        await interrupt(person, llm)
        assert not files(folder)
    assert not files(folder)


@pytest.mark.unmute("B18")
@pytest.mark.parametrize("session", [None, {**ALLOWED, "allow_recording": False}])
async def test_nothing_is_recorded_without_consent(
    recording_mesh: Mesh, llm: FakeLlm, folder: Path, session: dict[str, Any] | None
) -> None:
    llm.script = written("Hello.")
    async with browser(recording_mesh.websocket, session=session) as person:
        person.microphone.say(say("Good morning. How are you?"))
        await person.first("response.audio.done")
        assert not files(folder)
    assert not files(folder)


async def test_what_was_said_is_not_in_the_logs(recording_mesh: Mesh, llm: FakeLlm, folder: Path) -> None:
    llm.script = written("Rhinoceros.")
    async with browser(recording_mesh.websocket, session=ALLOWED) as person:
        await person.first("response.audio.done")
    (file,) = await until(folder, ".jsonl")
    assert "Rhinoceros" in "".join(transcript(file))
    assert "Rhinoceros" not in "".join(recording_mesh.log)


async def test_a_process_that_is_killed_leaves_what_can_be_read(llm: FakeLlm, llm_port: int, tmp_path: Path) -> None:
    llm.script = written(*LONG_REPLY)
    settings = {"PARLEY_RECORDINGS_FOLDER": str(tmp_path), "PARLEY_LLM_URL": f"http://127.0.0.1:{llm_port}"}
    with running_mesh(**settings) as mesh:
        async with browser(mesh.websocket, session=ALLOWED) as person:
            for _ in range(3):
                word = await person.first("response.text.delta", after=len(person.heard.events))
            assert word
            _kill(mesh, "orchestrator.main")
    (file,) = files(tmp_path)
    assert file.suffix == ".part"
    replayed = replay(file)
    assert replayed.difference is None
    assert not replayed.complete
    assert replayed.steps > 20
    assert any(isinstance(line, records.Audio) for _, line in read(file))
    assert "[cut off] (not heard: " in "\n".join(transcript(file))
    assert all(valid(line) for line in unmute(file))


def _kill(mesh: Mesh, module: str) -> None:
    (process,) = [
        child for child in psutil.Process(mesh.process.pid).children(recursive=True) if module in child.cmdline()
    ]
    os.kill(process.pid, signal.SIGKILL)
