"""The engine on Wyoming servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import numpy as np

from mesh.engines.upstreams import LeaseMeter
from mesh.errors import AtCapacity, UpstreamDown
from mesh.pool import Options
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.estimates import estimated
from stt_proxy.windowed.remote import RemoteTranscriptionEngine, remote_engine
from wyoming_client.servers import WyomingServers, opened
from wyoming_client.settings import WyomingUrl

_TRIES: Final = 2
_MOST_EVENTS: Final = 10_000
"""Events that a server may send before its transcript: some send it piece by piece as well."""


class WyomingDecoder:
    """A `Decoder`. Servers give no times of words, so these are estimated. `model` empty: the server's own."""

    def __init__(self, servers: WyomingServers, *, model: str, answer_limit_s: float) -> None:
        self._servers = servers
        self._model = model
        self._answer_limit_s = answer_limit_s

    async def decode(self, samples: Samples, language: str, likely: str) -> Decoding:  # noqa: ARG002 - they tell better
        """Decode a window, a second time where the first fails. Raises `UpstreamDown`."""
        language = language.partition("-")[0].lower()
        for attempt in range(1, _TRIES + 1):
            try:
                text = await self._text(samples, language)
            except AtCapacity as error:
                raise UpstreamDown(error.message) from error
            except UpstreamDown:
                if attempt == _TRIES:
                    raise
            else:
                return Decoding(tuple(estimated(text, samples)), language, 1.0 if language else 0.0)
        raise UpstreamDown("the Wyoming server transcribes nothing")

    async def _text(self, samples: Samples, language: str) -> str:
        request: dict[str, Any] = {}
        if self._model:
            request["name"] = self._model
        if language:
            request["language"] = language
        pcm = (np.clip(np.nan_to_num(samples), -1, 1) * np.float32(32_767)).astype("<i2").tobytes()
        async with self._servers.connection() as connection:
            await connection.send("transcribe", request)
            await connection.send_audio(pcm, SAMPLE_RATE)
            for _ in range(_MOST_EVENTS):
                event = await connection.receive(self._answer_limit_s)
                if event.type == "transcript":
                    text = event.data.get("text")
                    if not isinstance(text, str):
                        raise UpstreamDown("the Wyoming server sends a transcript without a text")
                    return text
        raise UpstreamDown("the Wyoming server sends no transcript")


@asynccontextmanager
async def wyoming_transcription_engine(
    urls: Sequence[WyomingUrl],
    *,
    model: str,
    language: str,
    streams: int,
    flush_limit_s: float,
    answer_limit_s: float,
    options: Options,
    meter: LeaseMeter,
    probed_every_s: float,
) -> AsyncIterator[RemoteTranscriptionEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet.

    `options.most_leases` is how many windows are transcribed at once, `language` that of a stream that names none.
    """
    async with opened(urls, "asr", options=options, meter=meter, probed_every_s=probed_every_s) as servers:
        decoder = WyomingDecoder(servers, model=model, answer_limit_s=answer_limit_s)
        width = options.most_leases
        async with remote_engine(
            servers, decoder, language=language, streams=streams, width=width, flush_limit_s=flush_limit_s
        ) as engine:
            yield engine
