"""A recording as a microphone gives it: frame by frame, in real time, and silence when it is over."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np

from launcher.calling.events import Samples
from launcher.calling.recording import SAMPLE_RATE


class Microphone:
    """Plays `sound`, then silence. `played_out` is set after the sound's last frame."""

    def __init__(self, sound: Samples) -> None:
        self.played_out = asyncio.Event()
        self._sound = sound

    async def frames(self, frame_samples: int) -> AsyncIterator[Samples]:
        """Frames of `frame_samples`, for ever, each at the moment its last sample is due; delays do not add up."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        position = 0
        while True:
            end = position + frame_samples
            await asyncio.sleep(began + end / SAMPLE_RATE - loop.time())
            frame = self._sound[position:end]
            yield np.pad(frame, (0, frame_samples - len(frame)))
            position = end
            if position >= len(self._sound):
                self.played_out.set()
