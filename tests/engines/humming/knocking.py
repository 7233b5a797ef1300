"""A recogniser that writes "knock" for each loud sound, and its plugin."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar, Self

from mesh.audio import FRAME_BYTES, FRAME_S
from mesh.engines.findings import Finding, fine
from mesh.engines.plugins import EnginePlugin
from mesh.errors import AtCapacity
from mesh.settings import Settings
from stt_proxy.engine import FLUSH_LIMIT_S, Event, Flushed, Pause, RecognitionEngine, Word

LOUD = 1_000  # the largest sample is 32 767


class Knocking:
    """One stream: samples go in at one end while events come out at the other."""

    backlog_s = 0.0  # it hears at once

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(1_000)  # bounded: `send` waits for its reader
        self._pcm = b""
        self._heard_s = 0.0
        self._loud_since_s: float | None = None

    async def send(self, pcm: bytes) -> None:
        self._pcm += pcm
        while len(self._pcm) >= FRAME_BYTES:
            frame, self._pcm = self._pcm[:FRAME_BYTES], self._pcm[FRAME_BYTES:]
            await self._hear(max(memoryview(frame).cast("h")) > LOUD)

    async def flush(self, flush_id: int) -> None:
        await self._end_sound()  # every word first
        await self._events.put(Flushed(flush_id))

    async def finish(self) -> None:
        await self._end_sound()
        await self._events.put(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.get()
        if event is None:
            raise StopAsyncIteration
        return event

    async def _hear(self, loud: bool) -> None:
        if not loud:
            await self._end_sound()
        elif self._loud_since_s is None:
            self._loud_since_s = self._heard_s
        self._heard_s += FRAME_S
        await self._events.put(Pause(0.0 if loud else 1.0, self._heard_s))  # opens a turn, or may end it

    async def _end_sound(self) -> None:
        if self._loud_since_s is not None:
            await self._events.put(Word("knock", self._loud_since_s, self._heard_s))
            self._loud_since_s = None


class KnockingEngine:
    capacity = 64
    available = True
    flush_limit_s = FLUSH_LIMIT_S

    def __init__(self) -> None:
        self._open = 0

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[Knocking]:
        if self._open >= self.capacity:
            raise AtCapacity("every recogniser is taken")
        self._open += 1
        try:
            yield Knocking()
        finally:
            self._open -= 1


class KnockingSettings(Settings, frozen=True, kw_only=True):
    env_prefix: ClassVar[str] = "PARLEY_STT_KNOCKING_"


@asynccontextmanager
async def _open(settings: KnockingSettings) -> AsyncIterator[RecognitionEngine]:
    yield KnockingEngine()


async def _check(settings: KnockingSettings) -> list[Finding]:
    return [fine("knocking", "listens for knocks")]


PLUGIN: EnginePlugin[KnockingSettings, RecognitionEngine] = EnginePlugin(
    name="knocking",
    summary="a word for each loud sound, on this machine",
    settings_type=KnockingSettings,
    open=_open,
    check=_check,
)
