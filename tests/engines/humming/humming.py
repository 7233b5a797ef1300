"""The engine. It knows nothing of gRPC or of conversations."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np

from mesh.audio import SAMPLE_RATE
from mesh.errors import AtCapacity
from tts_proxy.engine import Audio, Event, Word

LENGTH_S = 0.25


class Humming:
    """One reply being hummed: words go in at one end while their sound comes out at the other."""

    def __init__(self, hum: Audio) -> None:
        self._hum = hum
        self._words: asyncio.Queue[str | None] = asyncio.Queue(100)  # bounded: `speak` waits when too much is unspoken

    async def speak(self, text: str) -> None:
        for word in text.split():
            await self._words.put(word)

    async def finish(self) -> None:
        await self._words.put(None)

    async def __aiter__(self) -> AsyncIterator[Event]:
        start = 0.0
        while (word := await self._words.get()) is not None:
            yield Word(word, start, start + LENGTH_S)  # before the audio that holds it
            yield self._hum
            start += LENGTH_S


class HummingEngine:
    name = "humming"  # what custom voices made for it are tagged with
    available = True

    def __init__(self, pitch_hz: float, capacity: int) -> None:
        times = np.arange(round(LENGTH_S * SAMPLE_RATE)) / SAMPLE_RATE
        self._hum = Audio((6_000 * np.sin(2 * np.pi * pitch_hz * times)).astype("<i2").tobytes())
        self.capacity = capacity
        self._open = 0

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[Humming]:
        if self._open >= self.capacity:
            raise AtCapacity("every voice is taken")  # at once: never wait for a slot to become free
        self._open += 1
        try:
            yield Humming(self._hum)
        finally:
            self._open -= 1  # whatever ended the reply
