"""`SpeechToTextService`: admits streams to the engine and recognises them."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import grpc
import structlog

from mesh.audio import WORKING_ONLY, negotiate
from mesh.logs import bind_session
from mesh.rpc.streams import before_idle, first_request
from mesh.times import seconds
from parley.stt.v1.stt_pb2 import TranscribeRequest, TranscribeResponse, TranscribeStarted
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceServicer
from stt_proxy.engine import RecognitionEngine
from stt_proxy.metrics import Metrics
from stt_proxy.settings import SttSettings
from stt_proxy.stream import Abandoned, RecognitionStream

_log = structlog.get_logger()

Context = grpc.aio.ServicerContext[TranscribeRequest, TranscribeResponse]


class RecognitionServicer(SpeechToTextServiceServicer):
    """Serves `Transcribe`, as often at once as the engine has recognisers."""

    def __init__(self, settings: SttSettings, engine: RecognitionEngine, metrics: Metrics) -> None:
        self._settings = settings
        self._engine = engine
        self._metrics = metrics

    # gRPC also takes a coroutine that writes its responses; a generator could be left suspended inside its tasks.
    async def Transcribe(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[TranscribeRequest], context: Context
    ) -> None:
        """Recognise one stream. What can be refused is refused before `started`."""
        requests = before_idle(requests, self._settings.idle_limit_s)
        config = (await first_request(requests)).config
        bind_session(config.session_id)
        audio_format = negotiate(config.format, allowed=WORKING_ONLY)
        async with AsyncExitStack() as slot:
            with self._metrics.admission():
                recognizer = await slot.enter_async_context(self._engine.open(config.language))
            with self._metrics.stream(recognizer) as meter:
                await context.write(TranscribeResponse(started=TranscribeStarted(format=audio_format)))
                stream = RecognitionStream(
                    recognizer, context.write, meter, seconds(config.base_offset), self._settings.stall_limit_s
                )
                try:
                    await stream.run(requests)
                except Abandoned:
                    outcome = "stream abandoned"
                else:
                    outcome = "stream finished"
        _log.info(outcome, words=meter.words, audio_s=round(meter.audio_s, 2))
