"""The mesh as an engineer with grpcurl sees it."""

import asyncio
import base64
import hashlib
import json
import os
import re
import shutil
from typing import Any

import numpy as np
import pytest

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from tests.e2e.crowd import filled
from tests.e2e.mesh import Mesh
from tests.speech import say, share_of_words
from tests.voice_service.house import spoken, wav
from tts_proxy.engines.espeak.library import Prosody

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.grpcurl,
    pytest.mark.skipif(
        shutil.which("grpcurl") is None and os.environ.get("PARLEY_TESTS_REQUIRE") != "grpcurl",
        reason="grpcurl is not installed; `tox -e grpcurl` installs it with the Go tool chain and runs this",
    ),
]

SERVICES = {
    "orchestrator": "parley.conversation.v1.ConversationService",
    "stt": "parley.stt.v1.SpeechToTextService",
    "tts": "parley.tts.v1.TextToSpeechService",
    "voices": "parley.voices.v1.VoiceService",
}


async def grpcurl(*arguments: str, requests: list[Any] | None = None) -> tuple[int, str, str]:
    """Run grpcurl with the requests on its standard input; return its exit code, output and errors."""
    data = ("-d", "@") if requests is not None else ()
    process = await asyncio.create_subprocess_exec(
        "grpcurl",
        "-plaintext",
        *data,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(60):
        out, err = await process.communicate("\n".join(map(json.dumps, requests or [])).encode())
    return process.returncode or 0, out.decode(), err.decode()


def messages(output: str) -> list[dict[str, Any]]:
    """The JSON messages that grpcurl printed one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while at < len(output.rstrip()):
        message, end = decoder.raw_decode(output, at)
        found.append(message)
        at = end + len(output[end:]) - len(output[end:].lstrip())
    return found


@pytest.mark.parametrize("process", SERVICES)
async def test_every_port_lists_describes_and_is_healthy(mesh: Mesh, process: str) -> None:
    address, service = getattr(mesh, process), SERVICES[process]
    code, listed, _ = await grpcurl(address, "list")
    assert code == 0
    assert {service, "grpc.health.v1.Health"} <= set(listed.split())
    code, described, _ = await grpcurl(address, "describe", service)
    assert code == 0
    assert f"service {service.rpartition('.')[2]}" in described
    for name in ("", service):
        code, health, _ = await grpcurl(address, "grpc.health.v1.Health/Check", requests=[{"service": name}])
        assert (code, json.loads(health)) == (0, {"status": "SERVING"})


async def test_a_typed_turn_is_answered(mesh: Mesh) -> None:
    asked = [
        {"config": {"typedOnly": True}},
        {"requestId": "one", "text": {"text": "Hello, who are you?"}},
        {"finish": {}},
    ]
    code, output, _ = await grpcurl(mesh.orchestrator, f"{SERVICES['orchestrator']}/Converse", requests=asked)
    events = messages(output)
    kinds = [next(kind for kind in event if kind not in ("request_id", "requestId")) for event in events]
    assert code == 0
    assert kinds[0] == "started"
    assert kinds[-1] in ("conversation_ended", "conversationEnded")
    assert {"reply_audio", "replyAudio"} & set(kinds)


async def test_a_wav_is_transcribed(mesh: Mesh) -> None:
    speech = np.concatenate([say("Good morning, how are you today?"), np.zeros(SAMPLE_RATE, np.float32)])
    noise = np.random.default_rng(5).normal(0, 1e-3, len(speech))
    pcm = ((speech + noise) * 32_767).astype("<i2")
    frames = [pcm[start : start + FRAME_SAMPLES].tobytes() for start in range(0, len(pcm), FRAME_SAMPLES)]
    asked = [
        {"config": {}},
        *({"audio": {"audio": base64.b64encode(frame).decode()}} for frame in frames),
        {"finish": {}},
    ]
    code, output, _ = await grpcurl(mesh.stt, f"{SERVICES['stt']}/Transcribe", requests=asked)
    assert code == 0
    heard = " ".join(event["word"]["text"] for event in messages(output) if "word" in event)
    assert share_of_words("good morning how are you today", heard) >= 0.5, heard


async def test_text_is_spoken(mesh: Mesh) -> None:
    asked = [{"config": {}}, {"text": {"text": "Good morning."}}, {"finish": {}}]
    code, output, _ = await grpcurl(mesh.tts, f"{SERVICES['tts']}/Synthesize", requests=asked)
    events = messages(output)
    audio = b"".join(base64.b64decode(event["audio"]["audio"]) for event in events if "audio" in event)
    assert code == 0
    assert len(audio) > SAMPLE_RATE
    assert [event["word"]["text"] for event in events if "word" in event] == ["Good", "morning."]


async def test_a_recording_becomes_a_voice_and_speaks(mesh: Mesh) -> None:
    recording = wav(*spoken(Prosody("gmw/en-US+f3")))
    asked = [
        {"config": {}},
        {"chunk": {"content": base64.b64encode(recording).decode()}},
        {
            "finish": {
                "totalBytes": len(recording),
                "sha256": base64.b64encode(hashlib.sha256(recording).digest()).decode(),
            }
        },
    ]
    code, output, error = await grpcurl(mesh.voices, f"{SERVICES['voices']}/CreateVoice", requests=asked)
    assert code == 0, error
    (voice_id,) = re.findall(r"custom:[0-9a-f-]{36}", output)
    speak = [{"config": {"voice": voice_id}}, {"text": {"text": "Good morning."}}, {"finish": {}}]
    code, output, _ = await grpcurl(mesh.tts, f"{SERVICES['tts']}/Synthesize", requests=speak)
    assert code == 0
    assert not {"voice_replaced", "voiceReplaced"} & messages(output)[0]["started"].keys()


async def test_an_unknown_voice_is_a_typed_error(mesh: Mesh) -> None:
    asked = [{"config": {"voice": "nobody"}}]
    code, _, error = await grpcurl(mesh.tts, f"{SERVICES['tts']}/Synthesize", requests=asked)
    assert code != 0
    assert "NotFound" in error
    assert "VOICE_NOT_FOUND" in error


async def test_a_refusal_says_why_and_when_to_come_back(mesh: Mesh) -> None:
    """Fill the recognisers; the next caller is told so before anything else."""
    async with filled(mesh):
        code, output, error = await grpcurl(
            mesh.orchestrator, f"{SERVICES['orchestrator']}/Converse", requests=[{"config": {}}]
        )
    assert code != 0
    assert output == ""
    assert "ResourceExhausted" in error
    assert "AT_CAPACITY" in error
    assert "RetryInfo" in error
