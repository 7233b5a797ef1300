"""An engine whose windows are transcribed by servers elsewhere, whatever API these have."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.windowed.decoder import Decoder
from stt_proxy.windowed.engine import WindowedEngine, windowed_engine
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.stream import WindowedRecognizer


class Servers(Protocol):
    """The servers that a `Decoder` asks."""

    @property
    def answering(self) -> bool:
        """Whether any answers, and takes what it is sent to prove itself."""

    def check(self) -> None:
        """Raise `AtCapacity`, `UpstreamDown` or `UpstreamMisconfigured` if none can be asked now."""


class RemoteTranscriptionEngine:
    """A `RecognitionEngine`. No server says which languages its model knows, so any is passed on."""

    def __init__(self, servers: Servers, windowed: WindowedEngine) -> None:
        self._servers = servers
        self._windowed = windowed
        self.capacity = windowed.capacity
        self.flush_limit_s = windowed.flush_limit_s

    @property
    def available(self) -> bool:
        """Whether any server answers."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[WindowedRecognizer]:
        """Recognise one stream meanwhile. Raises `AtCapacity`, `UpstreamDown`, `UpstreamMisconfigured`, at once."""
        self._servers.check()
        async with self._windowed.open(language) as recognizer:
            yield recognizer


@asynccontextmanager
async def remote_engine(
    servers: Servers, decoder: Decoder, *, language: str, streams: int, width: int, flush_limit_s: float
) -> AsyncIterator[RemoteTranscriptionEngine]:
    """The engine meanwhile. `width` windows are decoded at once; `language` is that of a stream that names none."""

    def spoken(tag: str) -> SpokenLanguage:
        return SpokenLanguage(tag or language)

    async with windowed_engine(
        decoder, SpeechDetector, width=width, capacity=streams, flush_limit_s=flush_limit_s, spoken=spoken
    ) as windowed:
        yield RemoteTranscriptionEngine(servers, windowed)
