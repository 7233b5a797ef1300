"""Listening by machine: what the mesh's own recogniser makes of some speech."""

import numpy as np

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from mesh.discovery.search import Admission, Replicas, admitted
from mesh.tasks import beside
from orchestrator.session.recognition import transcribe
from parley.stt.v1 import stt_pb2
from tests.speech import SPEECH_RMS, Samples, at_level

Transcription = Admission[stt_pb2.TranscribeRequest, stt_pb2.TranscribeResponse]


async def recognised(target: str, speech: Samples) -> str:
    """Return the words in `speech`, heard in a room that is not quite silent: digital silence confuses recognisers."""
    config = stt_pb2.TranscribeRequest(config=stt_pb2.TranscribeConfig())
    async with (
        Replicas("stt", target) as stt,
        admitted(stt, transcribe, config) as stream,
        beside(_speak(stream, speech)),
    ):
        return " ".join([response.word.text async for response in stream if response.HasField("word")])


async def _speak(stream: Transcription, speech: Samples) -> None:
    padded = np.pad(at_level(speech, SPEECH_RMS), round(0.5 * SAMPLE_RATE))
    room = np.random.default_rng(3).normal(0.0, 1e-3, len(padded))
    pcm = (np.clip(padded + room, -1, 1) * 32_767).astype("<i2")
    for start in range(0, len(pcm), FRAME_SAMPLES):
        audio = stt_pb2.TranscribeAudio(audio=pcm[start : start + FRAME_SAMPLES].tobytes())
        await stream.send(stt_pb2.TranscribeRequest(audio=audio))
    await stream.send(stt_pb2.TranscribeRequest(finish=stt_pb2.TranscribeFinish()))
