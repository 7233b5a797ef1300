"""Callers of the proxies, patient and otherwise."""

import asyncio
import random
from typing import Any

import grpc

from mesh.errors import MeshError, from_rpc_error
from parley.stt.v1 import stt_pb2
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceStub
from parley.tts.v1 import tts_pb2
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub

FRAME = bytes(3_840)
LIMIT_S = 10.0


def hearing() -> list[stt_pb2.TranscribeRequest]:
    audio = stt_pb2.TranscribeRequest(audio=stt_pb2.TranscribeAudio(audio=FRAME))
    flush = stt_pb2.TranscribeRequest(flush=stt_pb2.Flush(flush_id=1))
    finish = stt_pb2.TranscribeRequest(finish=stt_pb2.TranscribeFinish())
    return [stt_pb2.TranscribeRequest(config=stt_pb2.TranscribeConfig()), *[audio] * 6, flush, *[audio] * 3, finish]


def speaking() -> list[tts_pb2.SynthesizeRequest]:
    words = [tts_pb2.SynthesizeRequest(text=tts_pb2.SynthesizeText(text=word)) for word in ("one", "two", "three")]
    finish = tts_pb2.SynthesizeRequest(finish=tts_pb2.SynthesizeFinish())
    return [tts_pb2.SynthesizeRequest(config=tts_pb2.SynthesizeConfig()), *words, finish]


def opened(
    stt: grpc.aio.Channel, tts: grpc.aio.Channel, *, hears: bool, timeout: float = LIMIT_S
) -> tuple[Any, list[Any]]:
    """A call that has sent nothing, and what there is to send."""
    if hears:
        return SpeechToTextServiceStub(stt).Transcribe(timeout=timeout), hearing()
    return TextToSpeechServiceStub(tts).Synthesize(timeout=timeout), speaking()


async def patient(call: Any, requests: list[Any]) -> list[str | None]:
    """Say everything, hear everything: the kinds of what came. Raises `MeshError`."""
    kinds: list[str | None] = []
    try:
        await call.write(requests[0])
        response = await call.read()
        kinds.append(response.WhichOneof("event") if response is not grpc.aio.EOF else None)
        for request in requests[1:]:
            await call.write(request)
        while (response := await call.read()) is not grpc.aio.EOF:
            kinds.append(response.WhichOneof("event"))
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        try:
            await call.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from None
        raise
    return kinds


async def capricious(call: Any, requests: list[Any], dice: random.Random) -> None:
    """Say some of it, hear some of it, and leave in one way or another."""
    try:
        for request in requests[: dice.randrange(len(requests) + 1)]:
            await call.write(request)
            if dice.random() < 0.3:
                async with asyncio.timeout(dice.random() * 0.3):
                    await call.read()
        if dice.random() < 0.3:
            await call.done_writing()
            async with asyncio.timeout(0.5):
                await call.read()
        elif dice.random() < 0.5:
            await asyncio.sleep(dice.random() * 0.2)
    except (TimeoutError, MeshError, grpc.aio.AioRpcError, asyncio.InvalidStateError, grpc.aio.UsageError):
        pass
    except grpc.aio.InternalError:  # the end of its requests has met the end of the call
        pass
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
    finally:
        call.cancel()
