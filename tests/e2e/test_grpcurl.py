"""The mesh as an engineer with grpcurl sees it."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from tests.e2e.crowd import filled
from tests.e2e.grpcurl import NEEDS_GRPCURL, SERVICES, grpcurl, messages
from tests.e2e.mesh import Mesh
from tests.speech import say, share_of_words
from tests.voice_service.harness import spoken, wav
from tts_proxy.engines.espeak.library import Prosody

pytestmark = [pytest.mark.e2e, *NEEDS_GRPCURL]


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
