"""The engine on servers with OpenAI's audio API."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import LeaseMeter
from mesh.pool import Options
from openai_audio.servers import opened
from stt_proxy.engines.openai.decoder import ServerDecoder
from stt_proxy.windowed.remote import RemoteTranscriptionEngine, remote_engine


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
) -> AsyncIterator[RemoteTranscriptionEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet.

    `options.most_leases` is how many windows are transcribed at once, `language` that of a stream that names none.
    """
    async with opened(urls, key=key, options=options, meter=meter, probed_every_s=probed_every_s) as servers:
        decoder = ServerDecoder(servers, model=model, answer_limit_s=options.search_limit_s, extra=extra)
        width = options.most_leases
        async with remote_engine(
            servers, decoder, language=language, streams=streams, width=width, flush_limit_s=flush_limit_s
        ) as engine:
            yield engine
