"""One admitted stream: text goes to the engine while its speech goes to the caller."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from mesh.audio.frames import Framer
from mesh.errors import Idle, InvalidRequest
from mesh.tasks import beside
from mesh.times import duration
from parley.tts.v1.tts_pb2 import (
    SynthesisFinished,
    SynthesizedAudio,
    SynthesizeRequest,
    SynthesizeResponse,
    WordTimed,
)
from tts_proxy.engine import Audio, Utterance, Word
from tts_proxy.metrics import ReplyMeter

LONGEST_TEXT = 10_000
"""Characters of one piece of text."""


class Abandoned(Exception):
    """The requests ended without `finish`: nobody wants the rest of the reply."""


class ReplyStream:
    """Speaks one reply. `write` sends a response, and may take `stall_limit_s` seconds for it."""

    def __init__(
        self,
        utterance: Utterance,
        write: Callable[[SynthesizeResponse], Awaitable[None]],
        meter: ReplyMeter,
        stall_limit_s: float,
    ) -> None:
        self._utterance = utterance
        self._write = write
        self._meter = meter
        self._stall_limit_s = stall_limit_s
        self._framer = Framer()

    async def run(self, requests: AsyncIterator[SynthesizeRequest]) -> None:
        """Speak what the requests say, to the end.

        Raises `Abandoned`; `InvalidRequest` for a request that makes no sense; `Idle` when the speech is not read.
        """
        async with beside(self._listen(requests)):
            async for event in self._utterance:
                match event:
                    case Word():
                        await self._send_word(event)
                    case Audio(pcm):
                        for frame in self._framer.push(pcm):
                            await self._send_audio(frame)
            if rest := self._framer.finish():
                await self._send_audio(rest)
            self._meter.finished()
            await self._send(
                SynthesizeResponse(finished=SynthesisFinished(audio_duration=duration(self._meter.audio_s)))
            )

    async def _listen(self, requests: AsyncIterator[SynthesizeRequest]) -> None:
        async for request in requests:
            match request.WhichOneof("request"):
                case "text":
                    await self._take_text(request.text.text)
                case "finish":
                    await self._utterance.finish()
                    return
                case "config":
                    raise InvalidRequest("config comes once", field="config")
                case None:
                    raise InvalidRequest("the request is empty", field="request")
        raise Abandoned

    async def _take_text(self, text: str) -> None:
        if len(text) > LONGEST_TEXT:
            raise InvalidRequest(f"{len(text)} characters; at most {LONGEST_TEXT} are taken", field="text.text")
        self._meter.text()
        await self._utterance.speak(text)

    async def _send_word(self, word: Word) -> None:
        self._meter.word()
        timed = WordTimed(text=word.text, start_offset=duration(word.start_s), end_offset=duration(word.stop_s))
        await self._send(SynthesizeResponse(word=timed))

    async def _send_audio(self, pcm: bytes) -> None:
        self._meter.frame(pcm)
        await self._send(SynthesizeResponse(audio=SynthesizedAudio(audio=pcm)))

    async def _send(self, response: SynthesizeResponse) -> None:
        try:
            async with asyncio.timeout(self._stall_limit_s):
                await self._write(response)
        except TimeoutError:
            raise Idle(f"the speech was not read for {self._stall_limit_s:g} s") from None
