"""What the voice service asks of speech synthesis: which voices it has, and samples of them."""

import asyncio
import io
import wave
from collections import OrderedDict
from collections.abc import Mapping

import grpc
import structlog

from mesh.audio import SAMPLE_RATE
from mesh.discovery.search import Replicas, admitted, ask
from mesh.errors import AtCapacity, MeshError, UpstreamDown
from parley.tts.v1 import tts_pb2
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub
from parley.voices.v1.voices_pb2 import Voice
from voice_service.catalogue import Catalogue, language_of

LONGEST_SAMPLE_S = 20
"""Of sound."""
SAMPLE_LIMIT_S = 20.0
"""How long making a sample may take."""
MOST_SAMPLES = 128
"""Samples that are kept; each has at most 1 MB, and usually 0.2 MB."""
MOST_WAITING = 4
"""Samples that are being made or wait to be. One is made at a time, so that conversations keep their voices."""
ASKED_EVERY_S = 5.0
"""How long an answer about the voices counts, and a failure to get one."""

SENTENCES = {
    "de": "Hallo, schön, dass du da bist. Worüber möchtest du heute sprechen?",
    "en": "Hello, it is good to hear you. What would you like to talk about today?",
    "es": "Hola, me alegro de oírte. ¿De qué te gustaría hablar hoy?",
    "fr": "Bonjour, je suis content de vous entendre. De quoi voulez-vous parler aujourd'hui ?",
    "it": "Ciao, che bello sentirti. Di che cosa vuoi parlare oggi?",
    "pt": "Olá, é bom ouvir você. Sobre o que gostaria de falar hoje?",
}
"""What a voice says of itself in each language; a voice of any other says it in English."""

_SAMPLE_BYTES = 2
_MOST_BYTES = LONGEST_SAMPLE_S * SAMPLE_RATE * _SAMPLE_BYTES

_log = structlog.get_logger()


class Synthesis:
    """The replicas of speech synthesis, as far as the voice service needs them."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas
        self._voices: Mapping[str, frozenset[str]] | None = None
        """The ids of each engine's voices; none: any. None before the first answer."""
        self._asked_at = float("-inf")
        self._asking = asyncio.Lock()
        self._samples: OrderedDict[str, bytes] = OrderedDict()
        """WAV files by voice, the least recently used first."""
        self._making = asyncio.Lock()
        self._waiting = 0

    async def offered(self, catalogue: Catalogue) -> list[Voice]:
        """Return the voices that people may choose: those that name no engine, and those whose engine has them."""
        if not catalogue.names_engines:
            return list(catalogue.offered)
        voices = await self._known()
        return list(catalogue.offered) if voices is None else catalogue.offered_with(voices)

    async def sample(self, voice: Voice) -> bytes:
        """Return a WAV file of the voice. Raises `AtCapacity`, `UpstreamDown` and what synthesis refuses."""
        if kept := self._kept(voice.voice_id):
            return kept
        if self._waiting >= MOST_WAITING:
            raise AtCapacity("too many samples are being made")
        self._waiting += 1
        try:
            async with asyncio.timeout(SAMPLE_LIMIT_S), self._making:
                # Another request may have made it meanwhile.
                return self._kept(voice.voice_id) or self._keep(voice.voice_id, await self._made(voice))
        except TimeoutError:
            raise UpstreamDown("the sample was not spoken in time") from None
        finally:
            self._waiting -= 1

    async def _known(self) -> Mapping[str, frozenset[str]] | None:
        """The voices of the engines in use, at most 5 s old while synthesis can be reached; None: not known yet."""
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if clock() < self._asked_at + ASKED_EVERY_S:
                return self._voices
            try:
                found = await ask(self._replicas, _describe, tts_pb2.DescribeVoicesRequest())
            except MeshError as error:
                _log.warning("the voices in use are not known", reason=error.reason, error=error.message)
            else:
                self._learn({each.engine: frozenset(each.voice_ids) for each in found.engines})
            self._asked_at = clock()
            return self._voices

    def _learn(self, voices: Mapping[str, frozenset[str]]) -> None:
        if voices != self._voices:
            # Another engine may call a voice of its own by the same id.
            self._samples.clear()
            _log.info("voices in use", engines=sorted(voices))
        self._voices = voices

    def _kept(self, voice_id: str) -> bytes | None:
        kept = self._samples.get(voice_id)
        if kept is not None:
            self._samples.move_to_end(voice_id)
        return kept

    def _keep(self, voice_id: str, sample: bytes) -> bytes:
        self._samples[voice_id] = sample
        if len(self._samples) > MOST_SAMPLES:
            self._samples.popitem(last=False)
        return sample

    async def _made(self, voice: Voice) -> bytes:
        config = tts_pb2.SynthesizeConfig(voice=voice.voice_id, session_id="sample")
        pcm = bytearray()
        async with admitted(self._replicas, _synthesize, tts_pb2.SynthesizeRequest(config=config)) as synthesis:
            text = tts_pb2.SynthesizeText(text=sentence(voice))
            await synthesis.send(tts_pb2.SynthesizeRequest(text=text))
            await synthesis.send(tts_pb2.SynthesizeRequest(finish=tts_pb2.SynthesizeFinish()))
            async for response in synthesis:
                pcm += response.audio.audio
                if response.HasField("finished") or len(pcm) >= _MOST_BYTES:
                    return wav(bytes(pcm[:_MOST_BYTES]))
        raise UpstreamDown("the sample breaks off")


def sentence(voice: Voice) -> str:
    """Return what the voice says as a sample."""
    return SENTENCES.get(language_of(voice).partition("-")[0].lower(), SENTENCES["en"])


def wav(pcm: bytes) -> bytes:
    """Return 16-bit PCM of 24 000 Hz, mono, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(_SAMPLE_BYTES)
        written.setframerate(SAMPLE_RATE)
        written.writeframes(pcm)
    return file.getvalue()


def _describe(
    channel: grpc.aio.Channel,
) -> "grpc.aio.UnaryUnaryMultiCallable[tts_pb2.DescribeVoicesRequest, tts_pb2.DescribeVoicesResponse]":
    return TextToSpeechServiceStub(channel).DescribeVoices


def _synthesize(
    channel: grpc.aio.Channel,
) -> "grpc.aio.StreamStreamMultiCallable[tts_pb2.SynthesizeRequest, tts_pb2.SynthesizeResponse]":
    return TextToSpeechServiceStub(channel).Synthesize
