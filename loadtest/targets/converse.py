"""`Converse`: as JSON at the edge (Parley's own dialect, Ogg Opus), and at the orchestrator itself (gRPC, PCM)."""

import base64
from typing import Any

import grpc
import msgspec

from loadtest.conversation import ConversationLog
from loadtest.grpc_stream import Addresses, Stream
from loadtest.opus_stream import OggClock, OggOpusWriter
from loadtest.speech import Voice
from loadtest.targets.socket import ConversationSocket
from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.times import loop_time
from parley.conversation.v1 import conversation_pb2 as pb
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

PATH = "/v1/converse"

_AUDIO = (b'{"audio":{"audio":"', b'"}}')


class _Audio(msgspec.Struct):
    audio: str = ""


class _Warning(msgspec.Struct):
    reason: str = ""


class _Error(msgspec.Struct, rename="camel"):
    reason: str
    message: str
    retry_after: str | None = None


class _Response(msgspec.Struct, rename="camel"):
    """The members that matter here, of a `ConverseResponse` as JSON."""

    started: Any = None
    reply_audio: _Audio | None = None
    reply_text_delta: Any = None
    user_speech_stopped: Any = None
    reply_created: Any = None
    reply_resumed: Any = None
    reply_released: Any = None
    reply_cancelled: Any = None
    warning: _Warning | None = None
    error: _Error | None = None


class ConverseJsonTarget:
    """The edge at `url`, a ws:// address with its path. `voice` is one of Opus packets."""

    def __init__(self, url: str, voice: Voice) -> None:
        self.name = url
        self.voice = voice
        opus = {"encoding": "AUDIO_ENCODING_OGG_OPUS", "sampleRateHertz": SAMPLE_RATE}
        self._config = msgspec.json.encode({"config": {"session": {}, "inputFormat": opus, "outputFormat": opus}})

    async def connect(self, log: ConversationLog) -> "_JsonConnection":
        """Open a conversation. It is admitted when `started` comes."""
        return await _JsonConnection(log).open(self.name, [self._config])

    async def close(self) -> None:
        """Nothing is shared."""


class _JsonConnection(ConversationSocket):
    def __init__(self, log: ConversationLog) -> None:
        super().__init__(log)
        self._writer = OggOpusWriter()
        self._clock = OggClock()

    def send_frame(self, frame: bytes) -> None:
        before, after = _AUDIO
        self.socket.send(before + base64.b64encode(self._writer.page(frame)) + after)

    def take(self, message: bytes, now: float) -> None:
        response, log = msgspec.json.decode(message, type=_Response), self.log
        if response.reply_audio is not None:
            log.audio(now, self._clock.seconds(base64.b64decode(response.reply_audio.audio)))
        elif response.started is not None:
            self.admitted()
        elif response.warning is not None:
            log.warned(response.warning.reason)
        elif response.error is not None:
            error = response.error
            retry_after_s = float(error.retry_after.rstrip("s")) if error.retry_after else None
            self.failed(error.reason, error.message, retry_after_s)
        else:
            members = msgspec.structs.asdict(response)
            note(log, next((name for name, value in members.items() if value is not None), None), now)


class ConverseTarget:
    """The orchestrators at `target`: "host:port", or several with commas. `voice` is one of PCM."""

    def __init__(self, target: str, voice: Voice) -> None:
        self.name = f"Converse at {target}"
        self.voice = voice
        self._addresses = Addresses(target)

    async def connect(self, log: ConversationLog) -> "_GrpcConnection":
        """Open a conversation. It is admitted when `started` comes."""
        connection = _GrpcConnection(self._addresses.next(), log)
        config = pb.ConverseConfig(session=pb.SessionConfig())
        await connection.stream.open(pb.ConverseRequest(config=config))
        return connection

    async def close(self) -> None:
        """Close the channels."""
        await self._addresses.close()


class _GrpcConnection:
    def __init__(self, channel: grpc.aio.Channel, log: ConversationLog) -> None:
        self._log = log
        self.stream: Stream[pb.ConverseRequest, pb.ConverseResponse] = Stream(
            ConversationServiceStub(channel).Converse(), self._take, log.lost
        )

    def send_frame(self, frame: bytes) -> None:
        self.stream.send(pb.ConverseRequest(audio=pb.UserAudio(audio=frame)))

    async def until_lost(self) -> None:
        await self.stream.until_lost()

    async def close(self) -> None:
        self.stream.send(pb.ConverseRequest(finish=pb.ConverseFinish()))
        await self.stream.until_ended(within_s=0.5)

    def abort(self) -> None:
        self.stream.cancel()

    def _take(self, response: pb.ConverseResponse) -> None:
        kind = response.WhichOneof("event")
        if kind == "reply_audio":
            self._log.audio(loop_time(), len(response.reply_audio.audio) / SAMPLE_BYTES / SAMPLE_RATE)
        elif kind == "warning":
            self._log.warned(response.warning.reason)
        else:
            note(self._log, kind, loop_time())


def note(log: ConversationLog, kind: str | None, now: float) -> None:
    """Note an event of which only the kind matters."""
    match kind:
        case "reply_text_delta":
            log.text(now)
        case "user_speech_stopped":
            log.speech_stopped(now)
        case "reply_created":
            log.reply_created(now)
        case "reply_resumed":
            log.reply_resumed()
        case "reply_released":
            log.reply_ended(complete=True)
        case "reply_cancelled":
            log.reply_ended(complete=False)
        case _:
            pass
