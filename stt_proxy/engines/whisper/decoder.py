"""The model as a `Decoder`: each decoding in a thread, and what is not speech left out."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from mesh.errors import UpstreamDown
from stt_proxy.engines.whisper.guard import is_speech
from stt_proxy.engines.whisper.languages import name_of
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.windowed.decoder import Decoding, Samples


class WhisperDecoder:
    """Decodes as many windows at once as `threads` has threads."""

    def __init__(self, model: WhisperModel, threads: ThreadPoolExecutor) -> None:
        self._model = model
        self._threads = threads

    async def decode(self, samples: Samples, language: str, likely: str) -> Decoding:
        """Decode a window; languages are BCP 47 tags that `languages.name_of` knows."""
        loop = asyncio.get_running_loop()
        try:
            hypothesis = await loop.run_in_executor(
                self._threads, self._model.decode, samples, name_of(language), name_of(likely)
            )
        except RuntimeError as error:
            raise UpstreamDown("the recogniser's model has failed") from error
        words = hypothesis.words if is_speech(hypothesis.score, hypothesis.no_speech) else ()
        return Decoding(words, hypothesis.language, hypothesis.certainty)


@contextmanager
def decoder(model: WhisperModel, width: int) -> Iterator[WhisperDecoder]:
    """A decoder of `width` windows at once; leaving the block waits for those under way."""
    with ThreadPoolExecutor(width, thread_name_prefix="whisper") as threads:
        yield WhisperDecoder(model, threads)
