"""A day in the life of a mesh, in half a minute: people talk, interrupt, are refused, leave, and things fail."""

import asyncio
import io
import json
import signal
import subprocess
import wave
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx2
import numpy as np
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from mesh.audio import SAMPLE_RATE
from mesh.times import duration
from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.mesh import Mesh
from tests.e2e.people import Browser, Samples, bridge, browser
from tests.metrics.engines import Engines
from tests.metrics.exposed import exposed
from tests.metrics.scrape import until_nobody_talks

STORY = " ".join(["Once upon a time there was a tale that would not end,"] * 12)
TYPED = pb.ConverseConfig(typed_only=True)
LIMIT_S = 30.0


def speech(seconds: float) -> Samples:
    """What the stand-in for a recogniser hears words in."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.25 * np.sin(2 * np.pi * 220 * times)).astype(np.float32)


async def a_day(mesh: Mesh, engines: Engines) -> None:
    """Have everything happen that is counted."""
    await an_orchestrator_is_lost(mesh)
    await a_reply_is_interrupted(mesh, engines)
    await a_person_goes_on_after_a_pause(mesh)
    await a_client_comes_back(mesh)
    await one_too_many_comes(mesh, engines)
    await engines_fail(mesh, engines)
    await visitors_look_around(mesh)
    if exposed("voice-service"):
        await a_voice_is_donated(mesh)
    await until_nobody_talks(mesh)


async def an_orchestrator_is_lost(mesh: Mesh) -> None:
    """In the middle of a conversation. This comes first: what it has counted is lost with it."""
    async with browser(mesh.websocket) as person:
        await person.first("response.created")
        async with killed(mesh, "orchestrator"):
            await person.first("closed")
            await until_health(mesh, {"ok": False})
    await until_health(mesh, {"ok": True})


async def a_reply_is_interrupted(mesh: Mesh, engines: Engines) -> None:
    """While it is written and spoken; and what was said instead is answered."""
    await engines.tell("llm", replies=[STORY], tokens_per_s=8)
    async with browser(mesh.websocket) as person:
        await _until_interruptible(person)
        person.microphone.say(speech(1.2))
        interrupted = await person.first("unmute.interrupted_by_vad")
        await engines.tell("llm", replies=["It ends."], tokens_per_s=80)
        await person.first("response.audio.done", after=interrupted)


async def a_person_goes_on_after_a_pause(mesh: Mesh) -> None:
    """The reply that was begun meanwhile is dropped."""
    config = pb.ConverseConfig(session=pb.SessionConfig(end_of_turn_delay=duration(5.0)))
    async with bridge(mesh.orchestrator, config) as person:
        await person.first("started")
        person.microphone.say(speech(1.2))
        paused = await person.first("user_speech_stopped")
        person.microphone.say(speech(1.2))
        await person.first("user_speech_started", after=paused)


async def a_client_comes_back(mesh: Mesh) -> None:
    """With the token that it was given on a connection that is lost."""
    config: dict[str, Any] = {"typedOnly": True, "checkpoints": True}
    for _ in range(2):
        async with asyncio.timeout(LIMIT_S), connect(f"{mesh.websocket}/v1/converse") as websocket:
            await websocket.send(json.dumps({"config": config}))
            token = ""
            while not token:
                token = json.loads(await websocket.recv()).get("checkpoint", {}).get("state", "")
            config["resume"] = {"checkpoint": token}
            websocket.transport.abort()


async def one_too_many_comes(mesh: Mesh, engines: Engines) -> None:
    """First for the recogniser, then for the voice."""
    async with browser(mesh.websocket) as person:
        await person.first("response.created")
        await engines.tell("stt", slots=1)
        async with browser(mesh.websocket) as other:
            await other.first("closed")
            assert other.close_code == 1013
        await engines.tell("stt", slots=64)
        await engines.tell("tts", "full")
        async with bridge(mesh.orchestrator, TYPED) as caller:
            await caller.first("started")
            await caller.send(text=pb.UserText(text="Hello?"))
            await caller.first("reply_cancelled")
        await engines.tell("tts")


async def engines_fail(mesh: Mesh, engines: Engines) -> None:
    """Each of them, when it is asked for."""
    await engines.tell("stt", "http:status=503")
    async with browser(mesh.websocket) as person:
        await person.first("closed")
    await engines.tell("stt")
    for kind, heard in (("tts", "reply_cancelled"), ("llm", "reply_finished")):
        await engines.tell(kind, "http:status=500")
        async with bridge(mesh.orchestrator, TYPED) as caller:
            await caller.first("started")
            await caller.send(text=pb.UserText(text="Hello?"))
            await caller.first(heard)
        await engines.tell(kind)
        await until_health(mesh, {"ok": True})


async def visitors_look_around(mesh: Mesh) -> None:
    """Without talking."""
    async with httpx2.AsyncClient(base_url=mesh.http, trust_env=False) as http:
        for path in ("/", "/v1/voices", "/v1/health", "/nowhere"):
            await http.get(path)
        await http.post("/v1/voices", content=b"nothing to hear")
    with pytest.raises(InvalidStatus):  # A page of another site may not talk.
        await connect(f"{mesh.websocket}/v1/realtime", origin=Origin("https://elsewhere.example"))


async def a_voice_is_donated(mesh: Mesh) -> None:
    """With the text read aloud, or nearly so."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setparams((1, 2, SAMPLE_RATE, 0, "NONE", ""))
        file.writeframes((speech(4) * 32_767).astype("<i2").tobytes())
    async with httpx2.AsyncClient(base_url=mesh.http, trust_env=False) as http:
        began = (await http.get("/v1/voice-donation")).json()
        about = {"email": "ada@example.org", "nickname": "Ada", "verification_id": began["id"]}
        sent = {"file": ("ada.wav", sound.getvalue(), "audio/wav")}
        answer = await http.post("/v1/voice-donation", data={"metadata": json.dumps(about)}, files=sent)
    assert answer.status_code == 200, answer.text


async def people_vanish(mesh: Mesh, engines: Engines) -> None:
    """In every phase, without a goodbye."""
    await engines.tell("llm", replies=[STORY], tokens_per_s=8)
    phases: list[Callable[[Browser], Coroutine[Any, Any, object]]] = [
        _at_once,
        lambda person: person.first("session.updated"),
        lambda person: person.first("response.created"),
        lambda person: person.first("response.audio.delta"),
        _until_interrupted,
        _until_answered,
    ]
    await asyncio.gather(*(_vanishing(mesh, phase) for phase in phases))
    async with bridge(mesh.orchestrator, TYPED) as caller:
        await caller.first("started")
        await caller.send(text=pb.UserText(text="Hello?"))
        await caller.first("reply_audio")


async def until_health(mesh: Mesh, wanted: Mapping[str, bool]) -> None:
    """Wait until the edge's answer has what is wanted."""
    async with asyncio.timeout(LIMIT_S):
        while not wanted.items() <= (await health(mesh)).items():  # noqa: ASYNC110 - it can only be asked
            await asyncio.sleep(0.1)


async def health(mesh: Mesh) -> dict[str, bool]:
    """What the edge says of each part, within what Unmute's page waits for it."""
    async with httpx2.AsyncClient(timeout=3.0, trust_env=False) as http:
        answer = await http.get(f"{mesh.http}/v1/health")
    assert answer.status_code == 200
    # What says how the service is, and not what it is.
    return {part: up for part, up in answer.json().items() if part == "ok" or part.endswith("_up")}


@asynccontextmanager
async def frozen(mesh: Mesh, service: str) -> AsyncIterator[None]:
    """One process of the mesh hangs meanwhile."""
    with _stopped(_process(mesh, service)):
        yield


@asynccontextmanager
async def killed(mesh: Mesh, service: str) -> AsyncIterator[None]:
    """One process of the mesh is dead meanwhile, and started again after."""
    with _stopped(mesh.process):  # it would be back before anybody has noticed
        _process(mesh, service).kill()
        yield


def _process(mesh: Mesh, service: str) -> psutil.Process:
    (found,) = [each for each in psutil.Process(mesh.process.pid).children() if f"{service}.main" in each.cmdline()]
    return found


@contextmanager
def _stopped(process: psutil.Process | subprocess.Popen[str]) -> Iterator[None]:
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def _at_once(_person: Browser) -> None:
    await asyncio.sleep(0)


async def _until_interruptible(person: Browser) -> None:
    """The first reply cannot be interrupted in its first three seconds, of which each audio event has 80 ms."""
    heard = -1
    for _ in range(42):
        heard = await person.first("response.audio.delta", after=heard + 1)


async def _until_interrupted(person: Browser) -> None:
    await _until_interruptible(person)
    person.microphone.say(speech(1.2))
    await person.first("unmute.interrupted_by_vad")


async def _until_answered(person: Browser) -> None:
    await _until_interrupted(person)
    stopped = await person.first("input_audio_buffer.speech_stopped")
    await person.first("response.created", after=stopped)


async def _vanishing(mesh: Mesh, phase: Callable[[Browser], Coroutine[Any, Any, object]]) -> None:
    async with browser(mesh.websocket) as person:
        await phase(person)
        person._socket.transport.abort()
