"""What an engine has spoken, for tests of engines."""

import asyncio
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from tts_proxy.engine import Audio, SynthesisEngine, Utterance, Word

LIMIT_S = 60.0


@dataclass
class Spoken:
    words: list[Word]
    samples: NDArray[np.int16]

    @property
    def length_s(self) -> float:
        return len(self.samples) / SAMPLE_RATE

    def level(self, start_s: float, stop_s: float) -> float:
        """The RMS of a part."""
        part = self.samples[round(start_s * SAMPLE_RATE) : round(stop_s * SAMPLE_RATE)].astype(np.float64)
        return float(np.sqrt((part**2).mean()))

    def loudness(self) -> float:
        """The RMS of what can be heard, in windows of 10 ms."""
        windows = self.samples[: len(self.samples) // 240 * 240].reshape(-1, 240).astype(np.float64)
        levels = np.sqrt((windows**2).mean(axis=1))
        return float(np.sqrt((levels[levels > 300] ** 2).mean()))


async def taken(utterance: Utterance) -> Spoken:
    """Everything an utterance has to say."""
    words, chunks = [], []
    async with asyncio.timeout(LIMIT_S):
        async for event in utterance:
            match event:
                case Word():
                    words.append(event)
                case Audio(pcm):
                    chunks.append(np.frombuffer(pcm, "<i2"))
    return Spoken(words, np.concatenate([np.zeros(0, np.int16), *chunks]))


async def spoken(engine: SynthesisEngine, text: str, voice: str = "") -> Spoken:
    """A text as an engine speaks it."""
    async with engine.open(voice) as utterance:
        await utterance.speak(text)
        await utterance.finish()
        return await taken(utterance)
