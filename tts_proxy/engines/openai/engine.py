"""The engine behind the proxy's interface. A reply holds no server: each of its clauses goes to the freest."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import LeaseMeter
from mesh.errors import AtCapacity, UpstreamDown, VoiceNotFound
from mesh.pool import Options
from openai_audio.servers import Answer, AudioServers, opened
from tts_proxy.clauses.script import Script
from tts_proxy.clauses.streaming import Pace, Samples, StreamedUtterance
from tts_proxy.engines.openai.sound import SoundDecoder
from tts_proxy.engines.openai.voices import KnownVoices

_PATH: Final = "/v1/audio/speech"
_STALL_LIMIT_S: Final = 10.0
"""How long a server may say nothing in the middle of a clause."""
_TRIES: Final = 2
"""How often a clause is begun of which nothing has been heard."""
_MOST_PACES: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeechOptions:
    """What goes into a request, and how its answer is read."""

    model: str
    voice: str
    """That of a reply that names none."""
    response_format: str = "pcm"
    sample_rate: int = 24_000
    """Of plain PCM whose type does not say it, in Hz."""
    extra: dict[str, Any] = field(default_factory=dict)


class OpenAiSpeechEngine:
    """A `SynthesisEngine` of `capacity` replies. `patience_s` is how long text may wait for the end of its clause."""

    name: Final = "openai"

    def __init__(
        self, servers: AudioServers, voices: KnownVoices, options: SpeechOptions, *, capacity: int, patience_s: float
    ) -> None:
        self._servers = servers
        self._voices = voices
        self._options = options
        self._capacity = capacity
        self._patience_s = patience_s
        self._open = 0
        self._paces: OrderedDict[str, Pace] = OrderedDict()

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""
        return self._capacity

    @property
    def available(self) -> bool:
        """Whether any server answers and takes the key."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[StreamedUtterance]:
        """Lease a slot for one reply.

        Raises `AtCapacity`, `VoiceNotFound` if the servers list their voices and this is not among them, `UpstreamDown`
        and `UpstreamMisconfigured`, all at once: by what is known of the servers. None of them clones voices.
        """
        if embedding is not None or not (voice in {"", self._options.voice} or self._voices.may_be(voice)):
            raise VoiceNotFound("the audio server does not have this voice")
        if self._open >= self._capacity:
            raise AtCapacity("every voice is taken")
        self._servers.check()
        voice = voice or self._options.voice
        self._open += 1
        try:
            speaker = ServerSpeaker(self._servers, self._voices, self._options, voice)
            yield StreamedUtterance(speaker, self._pace(voice), self._patience_s)
        finally:
            self._open -= 1

    def _pace(self, voice: str) -> Pace:
        pace = self._paces.setdefault(voice, Pace())
        self._paces.move_to_end(voice)
        if len(self._paces) > _MOST_PACES:
            self._paces.popitem(last=False)
        return pace


class ServerSpeaker:
    """A `StreamingSpeaker`: each clause is a request. A voice that a server refuses is replaced by the default one."""

    def __init__(self, servers: AudioServers, voices: KnownVoices, options: SpeechOptions, voice: str) -> None:
        self._servers = servers
        self._voices = voices
        self._options = options
        self._voice = voice

    async def say(self, script: Script) -> AsyncGenerator[Samples, None]:
        """Speak a clause. Raises as `SynthesisEngine.open` does, and `InvalidRequest`."""
        for attempt in range(1, _TRIES + 1):
            heard = False
            try:
                async with aclosing(self._asked(script)) as pieces:
                    async for samples in pieces:
                        heard = True
                        yield samples
            except VoiceNotFound:
                self._voices.refused(self._voice)
                if heard or self._voice == self._options.voice:
                    raise
                self._voice = self._options.voice
            except UpstreamDown:
                if heard or attempt == _TRIES:
                    raise
            else:
                return

    async def _asked(self, script: Script) -> AsyncGenerator[Samples, None]:
        options = self._options
        body = {
            "model": options.model,
            "input": script.text,
            "voice": self._voice,
            "response_format": options.response_format,
            **options.extra,
        }
        async with self._servers.post(_PATH, json=body) as answer, aclosing(_pieces(answer)) as pieces:
            sound = SoundDecoder(answer.content_type, options.sample_rate)
            came = False
            async for data in pieces:
                samples = sound.feed(data)
                if len(samples):
                    came = True
                    yield samples
            sound.finish()
            if not came:
                raise UpstreamDown("the audio server sent no sound")


async def _pieces(answer: Answer) -> AsyncGenerator[bytes, None]:
    """The body as it comes. Raises `UpstreamDown` if it breaks off, or stalls."""
    async with aclosing(answer.pieces()) as pieces:
        try:
            while True:
                async with asyncio.timeout(_STALL_LIMIT_S):
                    data = await anext(pieces, None)
                if data is None:
                    return
                yield data
        except TimeoutError:
            raise UpstreamDown(f"the audio server has sent nothing for {_STALL_LIMIT_S:g} s") from None


@asynccontextmanager
async def openai_speech_engine(
    urls: Sequence[ServerUrl],
    speech: SpeechOptions,
    *,
    key: str,
    options: Options,
    meter: LeaseMeter,
    probed_every_s: float,
    patience_s: float,
) -> AsyncIterator[OpenAiSpeechEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet."""
    voices = KnownVoices()
    async with opened(
        urls, key=key, options=options, meter=meter, probed_every_s=probed_every_s, also_ask=voices.ask
    ) as servers:
        yield OpenAiSpeechEngine(servers, voices, speech, capacity=options.most_leases, patience_s=patience_s)
