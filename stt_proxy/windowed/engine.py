"""An engine made of a `Decoder`: admits streams, and decodes their windows in turn."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from mesh.errors import AtCapacity
from mesh.tasks import beside
from stt_proxy.windowed.decoder import Decoder, Detector
from stt_proxy.windowed.dispatcher import Dispatcher
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.stream import WindowedRecognizer

_RETRY_AFTER_S = 2.0
"""After how long a refused caller may try again. Conversations last minutes, but some are about to end."""


class WindowedEngine:
    """A `RecognitionEngine` of `capacity` streams. `spoken` makes the language of a tag; it raises `InvalidRequest`."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        detector: Callable[[], Detector],
        *,
        capacity: int,
        flush_limit_s: float,
        spoken: Callable[[str], SpokenLanguage],
    ) -> None:
        self.capacity = capacity
        self.flush_limit_s = flush_limit_s
        self.available = True
        self._dispatcher = dispatcher
        self._detector = detector
        self._spoken = spoken
        self._open = 0

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[WindowedRecognizer]:
        """Recognise one stream meanwhile. Raises `InvalidRequest`, `AtCapacity`."""
        spoken = self._spoken(language)
        if self._open >= self.capacity:
            raise AtCapacity("every recogniser is taken", retry_after=_RETRY_AFTER_S)
        self._open += 1
        recognizer = WindowedRecognizer(self._dispatcher, self._detector(), spoken)
        try:
            yield recognizer
        finally:
            self._open -= 1
            self._dispatcher.forget(recognizer)


@asynccontextmanager
async def windowed_engine(
    decoder: Decoder,
    detector: Callable[[], Detector],
    *,
    width: int,
    capacity: int,
    flush_limit_s: float,
    spoken: Callable[[str], SpokenLanguage],
) -> AsyncIterator[WindowedEngine]:
    """Run an engine meanwhile which decodes `width` windows at once."""
    dispatcher = Dispatcher(decoder, width)
    async with beside(dispatcher.run()):
        yield WindowedEngine(dispatcher, detector, capacity=capacity, flush_limit_s=flush_limit_s, spoken=spoken)
