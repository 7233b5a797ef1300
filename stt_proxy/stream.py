"""One admitted stream: audio goes to the engine while what it hears goes to the caller."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from mesh.audio import SAMPLE_RATE
from mesh.errors import BadAudio, Idle, InvalidRequest
from mesh.tasks import beside
from mesh.times import duration
from parley.stt.v1 import stt_pb2 as pb
from stt_proxy.engine import Event, Flushed, Partial, Pause, Recognizer, Word
from stt_proxy.metrics import StreamMeter

LONGEST_AUDIO = 10 * SAMPLE_RATE * 2
"""Bytes of one message of audio: 10 s."""


class Abandoned(Exception):
    """The requests ended without `finish`: nobody wants what is pending."""


class RecognitionStream:
    """Recognises one stream, whose first sample is at `base_s` seconds of its session.

    `write` sends a response, and may take `stall_limit_s` seconds for it.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        write: Callable[[pb.TranscribeResponse], Awaitable[None]],
        meter: StreamMeter,
        base_s: float,
        stall_limit_s: float,
    ) -> None:
        self._recognizer = recognizer
        self._write = write
        self._meter = meter
        self._base_s = base_s
        self._stall_limit_s = stall_limit_s

    async def run(self, requests: AsyncIterator[pb.TranscribeRequest]) -> None:
        """Do what the requests say, to the end.

        Raises `Abandoned`; `InvalidRequest` for a request that makes no sense; `Idle` when the events are not read;
        `UpstreamDown` when the recogniser is lost.
        """
        async with beside(self._listen(requests)):
            async for event in self._recognizer:
                self._meter.event(event)
                await self._send(self._response(event))

    async def _listen(self, requests: AsyncIterator[pb.TranscribeRequest]) -> None:
        async for request in requests:
            match request.WhichOneof("request"):
                case "audio":
                    await self._take_audio(request.audio.audio)
                case "flush":
                    await self._recognizer.flush(request.flush.flush_id)
                case "finish":
                    await self._recognizer.finish()
                    return
                case "config":
                    raise InvalidRequest("config comes once", field="config")
                case None:
                    raise InvalidRequest("the request is empty", field="request")
        raise Abandoned

    async def _take_audio(self, pcm: bytes) -> None:
        if len(pcm) > LONGEST_AUDIO:
            raise InvalidRequest(f"{len(pcm)} bytes of audio; at most {LONGEST_AUDIO} are taken", field="audio.audio")
        if len(pcm) % 2:
            raise BadAudio(f"{len(pcm)} bytes are no whole number of 16-bit samples", field="audio.audio")
        self._meter.audio(pcm)
        await self._recognizer.send(pcm)

    def _response(self, event: Event) -> pb.TranscribeResponse:
        base = self._base_s
        match event:
            case Word(text, start_s, end_s):
                start, end = duration(base + start_s), duration(base + end_s)
                return pb.TranscribeResponse(word=pb.WordRecognized(text=text, start_offset=start, end_offset=end))
            case Partial(text, start_s):
                start = duration(base + start_s)
                return pb.TranscribeResponse(partial=pb.PartialTranscript(text=text, start_offset=start))
            case Pause(probability, heard_s):
                heard = duration(base + heard_s)
                return pb.TranscribeResponse(pause=pb.PauseScored(pause_probability=probability, offset=heard))
            case Flushed(flush_id):
                return pb.TranscribeResponse(flushed=pb.Flushed(flush_id=flush_id))

    async def _send(self, response: pb.TranscribeResponse) -> None:
        try:
            async with asyncio.timeout(self._stall_limit_s):
                await self._write(response)
        except TimeoutError:
            raise Idle(f"the events were not read for {self._stall_limit_s:g} s") from None
