"""The model as a `Decoder`: each decoding in a thread, and what is not speech left out."""

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from mesh.errors import UpstreamDown
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.recognition.samples import Samples
from stt_proxy.windowed.decoder import Decoding

_ROUNDS = 2
"""The first warms up."""


class WhisperDecoder:
    """Decodes as many windows at once as `threads` has threads."""

    def __init__(self, model: WhisperModel, threads: ThreadPoolExecutor) -> None:
        self._model = model
        self._threads = threads

    async def decode(self, samples: Samples, language: str, likely: str) -> Decoding:
        """Decode a window; languages are Whisper's codes, which are BCP 47 tags too."""
        loop = asyncio.get_running_loop()
        try:
            hypothesis = await loop.run_in_executor(self._threads, self._model.decode, samples, language, likely)
        except RuntimeError as error:
            raise UpstreamDown("the recogniser's model has failed") from error
        return Decoding(hypothesis.said, hypothesis.language, hypothesis.certainty)

    async def measure(self, width: int) -> float:
        """The processor time, in seconds, of a window with 3 s of speech while `width` are decoded at once.

        Not the time it takes: whatever else starts together with this process would be taken for a slow machine.
        """
        loop = asyncio.get_running_loop()
        took = []
        for _ in range(_ROUNDS):
            began = time.process_time()
            await asyncio.gather(*(loop.run_in_executor(self._threads, self._model.rehearse) for _ in range(width)))
            took.append((time.process_time() - began) / width)
        return min(took)


@contextmanager
def decoder(model: WhisperModel, width: int) -> Iterator[WhisperDecoder]:
    """A decoder of `width` windows at once; leaving the block waits for those under way."""
    with ThreadPoolExecutor(width, thread_name_prefix="whisper") as threads:
        yield WhisperDecoder(model, threads)
