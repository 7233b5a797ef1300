"""The engine behind the proxy's interface: windows of all streams, transcribed by servers elsewhere."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import LeaseMeter
from mesh.pool import Options
from openai_audio.servers import AudioServers, opened
from stt_proxy.engines.openai.decoder import ServerDecoder
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.windowed.engine import WindowedEngine, windowed_engine
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.stream import WindowedRecognizer


class OpenAiTranscriptionEngine:
    """A `RecognitionEngine`. Which languages the servers' model knows is told by nobody: any is passed on."""

    def __init__(self, servers: AudioServers, windowed: WindowedEngine) -> None:
        self._servers = servers
        self._windowed = windowed
        self.capacity = windowed.capacity
        self.flush_limit_s = windowed.flush_limit_s

    @property
    def available(self) -> bool:
        """Whether any server answers and takes the key."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[WindowedRecognizer]:
        """Recognise one stream meanwhile. Raises `AtCapacity`, `UpstreamDown`, `UpstreamMisconfigured`, at once."""
        self._servers.check()
        async with self._windowed.open(language) as recognizer:
            yield recognizer


@asynccontextmanager
async def openai_transcription_engine(
    urls: Sequence[ServerUrl],
    *,
    key: str,
    model: str,
    language: str,
    streams: int,
    flush_limit_s: float,
    options: Options,
    meter: LeaseMeter,
    probed_every_s: float,
    extra: dict[str, Any] | None = None,
) -> AsyncIterator[OpenAiTranscriptionEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet.

    `options.most_leases` is how many windows are transcribed at once, `language` that of a stream that names none.
    """

    def spoken(tag: str) -> SpokenLanguage:
        return SpokenLanguage(tag or language)

    async with opened(urls, key=key, options=options, meter=meter, probed_every_s=probed_every_s) as servers:
        decoder = ServerDecoder(servers, model=model, answer_limit_s=options.search_limit_s, extra=extra)
        async with windowed_engine(
            decoder,
            SpeechDetector,
            width=options.most_leases,
            capacity=streams,
            flush_limit_s=flush_limit_s,
            spoken=spoken,
        ) as windowed:
            yield OpenAiTranscriptionEngine(servers, windowed)
