"""Listening by machine: what the mesh's own recogniser makes of some speech."""

import grpc
import numpy as np

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from parley.stt.v1 import stt_pb2
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceStub
from tests.speech import SPEECH_RMS, Samples, at_level


async def recognised(target: str, speech: Samples) -> str:
    """Return the words in `speech`, heard in a room that is not quite silent: digital silence confuses recognisers."""
    padded = np.pad(at_level(speech, SPEECH_RMS), round(0.5 * SAMPLE_RATE))
    room = np.random.default_rng(3).normal(0.0, 1e-3, len(padded))
    pcm = (np.clip(padded + room, -1, 1) * 32_767).astype("<i2")
    async with grpc.aio.insecure_channel(target) as channel:
        call = SpeechToTextServiceStub(channel).Transcribe()
        await call.write(stt_pb2.TranscribeRequest(config=stt_pb2.TranscribeConfig()))
        assert isinstance(await call.read(), stt_pb2.TranscribeResponse)
        for start in range(0, len(pcm), FRAME_SAMPLES):
            audio = stt_pb2.TranscribeAudio(audio=pcm[start : start + FRAME_SAMPLES].tobytes())
            await call.write(stt_pb2.TranscribeRequest(audio=audio))
        await call.write(stt_pb2.TranscribeRequest(finish=stt_pb2.TranscribeFinish()))
        return " ".join([response.word.text async for response in call if response.HasField("word")])
