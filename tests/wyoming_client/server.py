"""Servers made of `wyoming`'s own classes, with faults on request."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioChunkConverter, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import AsrModel, AsrProgram, Attribution, Describe, Info, TtsProgram, TtsVoice
from wyoming.server import AsyncEventHandler, AsyncTcpServer
from wyoming.tts import Synthesize

from tts_proxy.clauses.streaming import letters_of

SECONDS_PER_LETTER = 0.1
_BY = Attribution(name="tests", url="")


@dataclass
class WyomingServer:
    """What it does, and what it was asked."""

    url: str = ""
    asr: bool = True
    tts: bool = True
    voices: tuple[str, ...] = ("amy", "joe")
    rate: int = 22_050
    width: int = 2
    fault: str = ""
    """error, dies, stalls, garbage, silent."""
    transcribe: Callable[[bytes], str] = lambda _: "tea"
    spoken: list[Synthesize] = field(default_factory=list)
    heard: list[tuple[Transcribe, bytes]] = field(default_factory=list)
    open_now: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def info(self) -> Info:
        about: dict[str, Any] = {"attribution": _BY, "installed": True, "description": None, "version": "1"}
        voices = [TtsVoice(name=name, languages=["en"], **about) for name in self.voices]
        models = [AsrModel(name="base", languages=["en"], **about)]
        return Info(
            asr=[AsrProgram(name="ear", models=models, **about)] if self.asr else [],
            tts=[TtsProgram(name="mouth", voices=voices, **about)] if self.tts else [],
        )

    async def notify(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(holds)


class _Handler(AsyncEventHandler):
    def __init__(self, server: WyomingServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(reader, writer)
        self._server = server
        self._request = Transcribe()
        self._converter = AudioChunkConverter(rate=16_000, width=2, channels=1)
        self._audio = b""
        server.open_now += 1

    async def disconnect(self) -> None:
        self._server.open_now -= 1
        await self._server.notify()

    async def handle_event(self, event: Event) -> bool:
        server = self._server
        if Describe.is_type(event.type):
            await self.write_event(server.info().event())
        elif Synthesize.is_type(event.type):
            server.spoken.append(Synthesize.from_event(event))
            await server.notify()
            return await self._speak(server.spoken[-1].text)
        elif Transcribe.is_type(event.type):
            self._request = Transcribe.from_event(event)
        elif AudioStart.is_type(event.type):
            self._audio = b""
        elif AudioChunk.is_type(event.type):
            self._audio += self._converter.convert(AudioChunk.from_event(event)).audio
        elif AudioStop.is_type(event.type):
            server.heard.append((self._request, self._audio))
            return await self._transcribe()
        return True

    async def _transcribe(self) -> bool:
        if not await self._is_well():
            return False
        text = await asyncio.to_thread(self._server.transcribe, self._audio)
        await self.write_event(Transcript(text=text).event())
        return True

    async def _speak(self, text: str) -> bool:
        rate, width = self._server.rate, self._server.width
        tones = []
        for word in text.split():
            count = round(letters_of(word) * SECONDS_PER_LETTER * rate)
            tones.append(8_000 * np.sin(2 * np.pi * 440 * np.arange(count) / rate))
        pcm = np.concatenate(tones).astype("<i2").tobytes()
        await self.write_event(AudioStart(rate=rate, width=width, channels=1).event())
        for number, start in enumerate(range(0, len(pcm), 2048)):
            if number == 3 and not await self._is_well():
                return False
            piece = pcm[start : start + 2048]
            await self.write_event(AudioChunk(rate=rate, width=width, channels=1, audio=piece).event())
        await self.write_event(AudioStop().event())
        return True

    async def _is_well(self) -> bool:
        """Do the fault; whether to go on."""
        match self._server.fault:
            case "error":
                await self.write_event(Error(text="it said: my secret", code="broken").event())
            case "dies":
                return False
            case "stalls":
                await self.reader.read()
                return False
            case "garbage":
                self.writer.write(b"{nonsense\n")
                await self.writer.drain()
            case "huge":
                self.writer.write(b'{"type": "transcript", "payload_length": 99999999999}\n')
                await self.writer.drain()
        return True


@asynccontextmanager
async def running(server: WyomingServer) -> AsyncIterator[WyomingServer]:
    """Serve meanwhile."""
    tcp = AsyncTcpServer("127.0.0.1", 0)
    await tcp.start(partial(_Handler, server))
    assert isinstance(tcp._server, asyncio.Server)
    host, port = tcp._server.sockets[0].getsockname()
    server.url = f"tcp://{host}:{port}"
    try:
        yield server
    finally:
        await tcp.stop()
        await asyncio.gather(*tcp._handlers, return_exceptions=True)
        await tcp._server.wait_closed()
