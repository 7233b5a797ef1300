"""The engine behind the proxy's interface. A reply holds no server: each of its clauses goes to the freest."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, Final

import msgspec
import numpy as np
from msgspec import Struct

from mesh.audio import SAMPLE_RATE, Resampler
from mesh.engines.upstreams import LeaseMeter
from mesh.errors import AtCapacity, UpstreamDown, VoiceNotFound
from mesh.pool import Options
from tts_proxy.clauses.script import Script
from tts_proxy.clauses.streaming import Pace, Samples, StreamedUtterance
from wyoming_client.connection import Event
from wyoming_client.servers import WyomingServers, opened
from wyoming_client.settings import WyomingUrl

_STALL_LIMIT_S: Final = 10.0
_TRIES: Final = 2
_MOST_CHANNELS: Final = 8


class WyomingSpeechEngine:
    """A `SynthesisEngine` of `capacity` replies. `voice` is that of a reply that names none; empty: the server's own.

    `patience_s` is how long text may wait for the end of its clause, `answer_limit_s` how long a server may take until
    the sound of a clause begins.
    """

    name: Final = "wyoming"

    def __init__(
        self, servers: WyomingServers, *, voice: str, capacity: int, patience_s: float, answer_limit_s: float
    ) -> None:
        self._servers = servers
        self._voice = voice
        self._capacity = capacity
        self._patience_s = patience_s
        self._answer_limit_s = answer_limit_s
        self._open = 0
        self._pace = Pace()

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""
        return self._capacity

    @property
    def available(self) -> bool:
        """Whether any server answers and has voices."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[StreamedUtterance]:
        """Lease a slot for one reply.

        Raises `AtCapacity`, `VoiceNotFound`, `UpstreamDown` and `UpstreamMisconfigured`, all at once: by what is known
        of the servers. None of them clones voices.
        """
        self._servers.check()
        voice = voice or self._voice
        voices = self._servers.voices
        if embedding is not None or (voice and voices and voice not in voices):
            raise VoiceNotFound("the Wyoming server does not have this voice")
        if self._open >= self._capacity:
            raise AtCapacity("every voice is taken")
        self._open += 1
        try:
            speaker = WyomingSpeaker(self._servers, voice, self._answer_limit_s)
            yield StreamedUtterance(speaker, self._pace, self._patience_s)
        finally:
            self._open -= 1


class WyomingSpeaker:
    """A `StreamingSpeaker`: each clause is a connection."""

    def __init__(self, servers: WyomingServers, voice: str, answer_limit_s: float) -> None:
        self._servers = servers
        self._voice = voice
        self._answer_limit_s = answer_limit_s

    async def say(self, script: Script) -> AsyncGenerator[Samples, None]:
        """Speak a clause; one of which nothing was heard is begun once more. Raises `UpstreamDown`."""
        for attempt in range(1, _TRIES + 1):
            heard = False
            try:
                async with aclosing(self._asked(script.text)) as pieces:
                    async for samples in pieces:
                        heard = True
                        yield samples
            except UpstreamDown:
                if heard or attempt == _TRIES:
                    raise
            else:
                return

    async def _asked(self, text: str) -> AsyncGenerator[Samples, None]:
        request: dict[str, Any] = {"text": text}
        if self._voice:
            request["voice"] = {"name": self._voice}
        async with self._servers.connection() as connection:
            await connection.send("synthesize", request)
            sound = Sound()
            limit_s = self._answer_limit_s
            while (event := await connection.receive(limit_s)).type != "audio-stop":
                if event.type == "audio-chunk":
                    limit_s = _STALL_LIMIT_S
                    samples = sound.feed(event)
                    if len(samples):
                        yield samples
            if not sound.came:
                raise UpstreamDown("the Wyoming server sent no sound")


class _Form(Struct, frozen=True):
    rate: int
    width: int
    channels: int


class Sound:
    """The chunks of one clause as samples at 24 kHz."""

    def __init__(self) -> None:
        self.came = False
        self._form: _Form | None = None
        self._resampler: Resampler | None = None

    def feed(self, chunk: Event) -> Samples:
        """The samples of a chunk. Raises `UpstreamDown` for a form that cannot be read, or that changes."""
        try:
            form = msgspec.convert(chunk.data, _Form)
        except msgspec.ValidationError:
            raise UpstreamDown("the Wyoming server sends sound without saying how it is written") from None
        if self._form is None:
            self._begin(form)
        if form != self._form or len(chunk.payload) % (2 * form.channels):
            raise UpstreamDown("the Wyoming server sends broken sound")
        self.came = self.came or bool(chunk.payload)
        samples = np.frombuffer(chunk.payload, "<i2").astype(np.int16)
        if form.channels > 1:
            samples = np.rint(samples.reshape(-1, form.channels).mean(axis=1)).astype(np.int16)
        return self._resampler.process(samples) if self._resampler else samples

    def _begin(self, form: _Form) -> None:
        if form.width != 2 or not 1 <= form.channels <= _MOST_CHANNELS or not 4_000 <= form.rate <= 192_000:  # noqa: PLR2004
            raise UpstreamDown(f"the Wyoming server sends {8 * form.width}-bit sound of {form.rate} Hz")
        self._form = form
        if form.rate != SAMPLE_RATE:
            self._resampler = Resampler(form.rate, SAMPLE_RATE)


@asynccontextmanager
async def wyoming_speech_engine(
    urls: Sequence[WyomingUrl],
    *,
    voice: str,
    options: Options,
    meter: LeaseMeter,
    probed_every_s: float,
    patience_s: float,
    answer_limit_s: float,
) -> AsyncIterator[WyomingSpeechEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet."""
    async with opened(urls, "tts", options=options, meter=meter, probed_every_s=probed_every_s) as servers:
        yield WyomingSpeechEngine(
            servers,
            voice=voice,
            capacity=options.most_leases,
            patience_s=patience_s,
            answer_limit_s=answer_limit_s,
        )
