"""`TextToSpeechService`: admits replies to the engine and speaks them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import grpc
import structlog

from mesh.audio import FRAME_S, WORKING_ONLY, negotiate
from mesh.audio.frames import Framer
from mesh.errors import InvalidRequest
from mesh.process.logs import bind_session
from mesh.rpc.streams import StreamLimits, first_request, serve_stream
from mesh.times import duration, loop_time
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceServicer
from tts_proxy.engine import Audio, SynthesisEngine, Utterance, Word, voices_of
from tts_proxy.metrics import Metrics, ReplyMeter
from tts_proxy.settings import TtsSettings
from tts_proxy.spoken.utterance import WrittenUtterance
from tts_proxy.voices import Voices

_LONGEST_PIECE = 6
"""Frames: half a second."""

LONGEST_TEXT = 10_000
"""Characters of one piece of text."""

_log = structlog.get_logger()

Context = grpc.aio.ServicerContext[pb.SynthesizeRequest, pb.SynthesizeResponse]


class SynthesisServicer(TextToSpeechServiceServicer):
    """Serves `Synthesize`, as often at once as the engine has slots."""

    def __init__(self, settings: TtsSettings, engine: SynthesisEngine, voices: Voices, metrics: Metrics) -> None:
        self._limits = StreamLimits(settings.idle_limit_s, settings.stall_limit_s, unread="the speech was")
        self._engine = engine
        self._voices = voices
        self._metrics = metrics

    # gRPC also takes a coroutine that writes its responses; a generator could be left suspended inside its tasks.
    async def Synthesize(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.SynthesizeRequest], context: Context
    ) -> None:
        """Speak one reply. What can be refused is refused before `started`."""
        config = (await first_request(requests)).config
        bind_session(config.session_id)
        audio_format = negotiate(config.format, allowed=WORKING_ONLY)
        voice = await self._voices.choose(config.voice)
        async with AsyncExitStack() as slot:
            with self._metrics.streams.admission():
                utterance, replaced = await voice.open(self._engine, slot, replace_unknown=config.replace_unknown_voice)
            with self._metrics.reply() as meter:
                started = pb.SynthesizeStarted(format=audio_format, voice_replaced=replaced)
                await context.write(pb.SynthesizeResponse(started=started))
                stream = ReplyStream(WrittenUtterance(utterance), meter, longer_audio=config.longer_audio)
                finished = await serve_stream(stream, requests, context.write, self._limits)
        outcome = "reply spoken" if finished else "reply abandoned"
        _log.info(outcome, reply_id=config.reply_id, words=meter.words, audio_s=round(meter.audio_s, 2))

    async def DescribeVoices(  # noqa: N802 - the contract's name
        self,
        _request: pb.DescribeVoicesRequest,
        _context: grpc.aio.ServicerContext[pb.DescribeVoicesRequest, pb.DescribeVoicesResponse],
    ) -> pb.DescribeVoicesResponse:
        """Say which engines speak here, and with which voices."""
        engines = [pb.EngineVoices(engine=name, voice_ids=ids) for name, ids in voices_of(self._engine).items()]
        return pb.DescribeVoicesResponse(engines=engines)


class Pieces:
    """Joins frames of a reply to pieces of up to `most` frames.

    A piece may hold back a quarter of what a listener has left to hear who began with the first. So the first frames go
    out one by one, and so do those of an engine that is hardly faster than speech.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: list[bytes] = []
        self._began_at: float | None = None
        self._sent = 0
        """Frames."""

    def push(self, frame: bytes, now: float) -> bytes:
        """Take the next frame at `now`, in monotonic seconds; the piece that is to be sent, or nothing."""
        self._held.append(frame)
        if self._began_at is None:
            self._began_at = now
        left = self._sent - (now - self._began_at) / FRAME_S
        if len(self._held) < min(self._most, left / 4):
            return b""
        self._sent += len(self._held)
        return self.finish()

    def finish(self) -> bytes:
        """What is held."""
        held = b"".join(self._held)
        self._held.clear()
        return held


class ReplyStream:
    """Text goes to the engine while its speech goes to the caller; see `mesh.rpc.streams.EngineStream`."""

    def __init__(self, utterance: Utterance, meter: ReplyMeter, *, longer_audio: bool = False) -> None:
        self._utterance = utterance
        self._meter = meter
        self._framer = Framer()
        self._pieces = Pieces(_LONGEST_PIECE if longer_audio else 1)

    async def take(self, request: pb.SynthesizeRequest) -> None:
        """Text. Raises `InvalidRequest`."""
        text = request.text.text
        if len(text) > LONGEST_TEXT:
            raise InvalidRequest(f"{len(text)} characters; at most {LONGEST_TEXT} are taken", field="text.text")
        self._meter.text()
        await self._utterance.speak(text)

    async def finish(self) -> None:
        """No more text comes."""
        await self._utterance.finish()

    async def answer(self, send: Callable[[pb.SynthesizeResponse], Awaitable[None]]) -> None:
        """Send the speech, in frames, then `finished`."""
        async for event in self._utterance:
            match event:
                case Word(text, start_s, stop_s):
                    self._meter.word()
                    start, stop = duration(start_s), duration(stop_s)
                    timed = pb.WordTimed(text=text, start_offset=start, end_offset=stop)
                    await send(pb.SynthesizeResponse(word=timed))
                case Audio(pcm):
                    for frame in self._framer.push(pcm):
                        self._meter.frame(frame)
                        if piece := self._pieces.push(frame, loop_time()):
                            await send(_audio(piece))
        if rest := self._framer.finish():
            self._meter.frame(rest)
        if rest := self._pieces.finish() + rest:
            await send(_audio(rest))
        self._meter.finished()
        length = duration(self._meter.audio_s)
        await send(pb.SynthesizeResponse(finished=pb.SynthesisFinished(audio_duration=length)))


def _audio(pcm: bytes) -> pb.SynthesizeResponse:
    return pb.SynthesizeResponse(audio=pb.SynthesizedAudio(audio=pcm))
