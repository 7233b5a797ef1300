"""`TextToSpeechService`: admits replies to the engine and speaks them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import structlog

from mesh.audio import WORKING_ONLY, negotiate
from mesh.errors import VoiceNotFound
from mesh.logs import bind_session
from mesh.rpc.streams import before_idle, first_request
from parley.tts.v1.tts_pb2 import SynthesizeRequest, SynthesizeResponse, SynthesizeStarted
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceServicer
from tts_proxy.custom_voices import UNREADABLE, CustomVoices
from tts_proxy.engine import SynthesisEngine
from tts_proxy.metrics import Metrics
from tts_proxy.settings import TtsSettings
from tts_proxy.stream import Abandoned, ReplyStream

_log = structlog.get_logger()

Context = grpc.aio.ServicerContext[SynthesizeRequest, SynthesizeResponse]


class SynthesisServicer(TextToSpeechServiceServicer):
    """Serves `Synthesize`, as often at once as the engine has slots."""

    def __init__(
        self, settings: TtsSettings, engine: SynthesisEngine, custom_voices: CustomVoices, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._custom_voices = custom_voices
        self._metrics = metrics

    # gRPC also takes a coroutine that writes its responses; a generator could be left suspended inside its tasks.
    async def Synthesize(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[SynthesizeRequest], context: Context
    ) -> None:
        """Speak one reply. What can be refused is refused before `started`."""
        requests = before_idle(requests, self._settings.idle_limit_s)
        config = (await first_request(requests)).config
        bind_session(config.session_id)
        audio_format = negotiate(config.format, allowed=WORKING_ONLY)
        voice = await self._custom_voices.choose(config.voice)
        async with AsyncExitStack() as slot:
            with self._metrics.admission():
                try:
                    utterance = await slot.enter_async_context(self._engine.open(voice.name, voice.embedding))
                except VoiceNotFound:
                    if voice.embedding is None:
                        raise
                    voice = UNREADABLE
                    utterance = await slot.enter_async_context(self._engine.open(voice.name))
            with self._metrics.reply() as meter:
                started = SynthesizeStarted(format=audio_format, voice_replaced=voice.replaced)
                await context.write(SynthesizeResponse(started=started))
                stream = ReplyStream(utterance, context.write, meter, self._settings.stall_limit_s)
                try:
                    await stream.run(requests)
                except Abandoned:
                    outcome = "reply abandoned"
                else:
                    outcome = "reply spoken"
        _log.info(outcome, reply_id=config.reply_id, words=meter.words, audio_s=round(meter.audio_s, 2))
