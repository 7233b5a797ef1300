"""`SpeechToTextService`: admits streams to the engine and recognises them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import grpc
import structlog

from mesh.audio import SAMPLE_RATE, WORKING_ONLY, negotiate
from mesh.errors import BadAudio, InvalidRequest
from mesh.process.logs import bind_session
from mesh.rpc.streams import StreamLimits, first_request, serve_stream
from mesh.times import duration, seconds
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.stt.v1 import stt_pb2 as pb
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceServicer
from stt_proxy.engine import FLUSH_LIMIT_S, Event, Flushed, Partial, Pause, RecognitionEngine, Recognizer, Word
from stt_proxy.metrics import Metrics, StreamMeter
from stt_proxy.recognition.expletives import masked
from stt_proxy.settings import SttSettings

PAUSE_ABOVE = 0.6
"""A score above it is a pause, as the contract says."""

LONGEST_AUDIO = 10 * SAMPLE_RATE * 2
"""Bytes of one message of audio: 10 s."""

_log = structlog.get_logger()

Context = grpc.aio.ServicerContext[pb.TranscribeRequest, pb.TranscribeResponse]


class RecognitionServicer(SpeechToTextServiceServicer):
    """Serves `Transcribe`, as often at once as the engine has recognisers."""

    def __init__(self, settings: SttSettings, engine: RecognitionEngine, metrics: Metrics) -> None:
        self._limits = StreamLimits(settings.idle_limit_s, settings.stall_limit_s, unread="the events were")
        self._engine = engine
        self._metrics = metrics
        self._shown = masked if settings.expletives == "masked" else str

    # A coroutine rather than a generator: see `mesh.rpc.interceptor`.
    async def Transcribe(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.TranscribeRequest], context: Context
    ) -> None:
        """Recognise one stream. What can be refused is refused before `started`."""
        config = (await first_request(requests)).config
        bind_session(config.session_id)
        audio_format = negotiate(config.format, allowed=WORKING_ONLY)
        async with AsyncExitStack() as slot:
            with self._metrics.streams.admission():
                recognizer = await slot.enter_async_context(self._engine.open(config.language))
            with self._metrics.stream(recognizer) as meter:
                await context.write(pb.TranscribeResponse(started=self._started(audio_format)))
                pauses = PauseFilter(seconds(config.pause_interval))
                stream = RecognitionStream(recognizer, meter, seconds(config.base_offset), pauses, self._shown)
                finished = await serve_stream(stream, requests, context.write, self._limits)
        outcome = "stream finished" if finished else "stream abandoned"
        _log.info(outcome, words=meter.words, audio_s=round(meter.audio_s, 2))

    def _started(self, audio_format: AudioFormat) -> pb.TranscribeStarted:
        limit_s = self._engine.flush_limit_s
        # Left out where nothing has to be said about it.
        limit = None if limit_s == FLUSH_LIMIT_S else duration(limit_s)
        return pb.TranscribeStarted(format=audio_format, flush_limit=limit)


class PauseFilter:
    """Leaves out scores of a pause that goes on, for up to `interval_s` seconds of audio; 0: none.

    While a person speaks, every score is told: each may open a turn.
    """

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._told_s: float | None = None
        """Up to where the pause was scored that was told last. None: the next score is told in any case."""

    def passes(self, event: Event) -> bool:
        """Whether the caller is told this event."""
        if not isinstance(event, Pause) or event.probability <= PAUSE_ABOVE:
            self._told_s = None
            return True
        if self._told_s is not None and event.heard_s < self._told_s + self._interval_s:
            return False
        self._told_s = event.heard_s
        return True


class RecognitionStream:
    """Audio goes to the engine while its events go to the caller; see `mesh.rpc.streams.EngineStream`.

    The stream's first sample is at `base_s` seconds of its session. `shown` is what callers read for recognised words.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        meter: StreamMeter,
        base_s: float,
        pauses: PauseFilter | None = None,
        shown: Callable[[str], str] = str,
    ) -> None:
        self._recognizer = recognizer
        self._meter = meter
        self._base_s = base_s
        self._pauses = pauses or PauseFilter(0.0)
        self._shown = shown

    async def take(self, request: pb.TranscribeRequest) -> None:
        """Audio, or a flush. Raises `InvalidRequest` and `BadAudio`."""
        if request.HasField("flush"):
            await self._recognizer.flush(request.flush.flush_id)
            return
        pcm = request.audio.audio
        if len(pcm) > LONGEST_AUDIO:
            raise InvalidRequest(f"{len(pcm)} bytes of audio; at most {LONGEST_AUDIO} are taken", field="audio.audio")
        if len(pcm) % 2:
            raise BadAudio(f"{len(pcm)} bytes are no whole number of 16-bit samples", field="audio.audio")
        self._meter.audio(pcm)
        await self._recognizer.send(pcm)

    async def finish(self) -> None:
        """No more audio comes."""
        await self._recognizer.finish()

    async def answer(self, send: Callable[[pb.TranscribeResponse], Awaitable[None]]) -> None:
        """Send what is heard. Raises `UpstreamDown` when the recogniser is lost."""
        async for event in self._recognizer:
            self._meter.event(event)
            if self._pauses.passes(event):
                await send(self._response(event))

    def _response(self, event: Event) -> pb.TranscribeResponse:
        base = self._base_s
        match event:
            case Word(text, start_s, end_s):
                start, end = duration(base + start_s), duration(base + end_s)
                return pb.TranscribeResponse(
                    word=pb.WordRecognized(text=self._shown(text), start_offset=start, end_offset=end)
                )
            case Partial(text, start_s):
                start = duration(base + start_s)
                return pb.TranscribeResponse(partial=pb.PartialTranscript(text=self._shown(text), start_offset=start))
            case Pause(probability, heard_s):
                heard = duration(base + heard_s)
                return pb.TranscribeResponse(pause=pb.PauseScored(pause_probability=probability, offset=heard))
            case Flushed(flush_id):
                return pb.TranscribeResponse(flushed=pb.Flushed(flush_id=flush_id))
