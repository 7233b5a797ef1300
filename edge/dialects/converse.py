"""The dialect of Parley's own page, on `/v1/converse`: `Converse` itself, as JSON.

Each text frame is one `ConverseRequest` or `ConverseResponse` in protobuf's JSON form, exactly as grpcurl takes and
prints it, so what the contract says of a message holds here too. The edge adds two things: audio may be Ogg Opus
(`AUDIO_ENCODING_OGG_OPUS`), which browsers make and take, and an `error` message precedes the close of a
conversation that fails.
"""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.message import Message

from edge.audio.ogg import InvalidAudio, TooMuchAudio
from edge.audio.opus import OpusDecoder, OpusEncoder
from edge.dialects import ExcessAudio, InvalidEvent
from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE, WORKING_FORMAT
from mesh.audio.frames import Framer
from mesh.errors import BadAudio, BadAudioFormat, ConfigRequired, InvalidRequest, MeshError
from mesh.times import duration, seconds
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_OGG_OPUS, AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb
from parley.conversation.v1.conversation_pb2 import (
    ConverseRequest,
    ConverseResponse,
    ReplyAudio,
    RequestRejected,
    UserAudio,
)

_OGG_OPUS: Final = AudioFormat(encoding=AUDIO_ENCODING_OGG_OPUS, sample_rate_hertz=SAMPLE_RATE)
"""The one Opus format: what is encoded, and what decoding gives, has 24 000 samples a second."""


_WORKING = AudioFormat(encoding=WORKING_FORMAT.encoding, sample_rate_hertz=WORKING_FORMAT.sample_rate_hertz)


class ConverseDialect:
    """One connection. Opus is decoded and encoded here; audio in any other format is passed through."""

    def __init__(self) -> None:
        self._microphone: _OpusMicrophone | None = None
        self._replies: _OpusReplies | None = None

    async def opening(self, receive: Callable[[], Awaitable[str | bytes]]) -> ConverseRequest:
        """The client's first message, which must be `config`. Raises `InvalidRequest`."""
        try:
            request = _parsed(await receive())
        except InvalidEvent as fault:
            raise InvalidRequest(fault.message) from fault
        if not request.HasField("config"):
            raise ConfigRequired("the first message must be config", field="config")
        if _is_opus(request.config.input_format, "config.input_format"):
            self._microphone = _OpusMicrophone()
            request.config.input_format.CopyFrom(_WORKING)
        if _is_opus(request.config.output_format, "config.output_format"):
            self._replies = _OpusReplies()
            request.config.output_format.CopyFrom(_WORKING)
        return request

    def requests(self, message: str | bytes, now: float) -> Iterator[ConverseRequest]:
        """What the client's message asks for: one request, or the whole frames of audio it completes."""
        request = _parsed(message)
        if self._microphone is None or not request.HasField("audio"):
            yield request
            return
        try:
            yield from self._microphone.frames(request.audio.audio, now)
        except TooMuchAudio as error:
            raise ExcessAudio from error
        except InvalidAudio as error:
            asked_by = request.request_id if request.HasField("request_id") else None
            raise InvalidEvent(str(error), reason=BadAudio.default_reason, request_id=asked_by) from error

    def events(self, response: ConverseResponse) -> Iterator[str]:
        """The response itself; audio as Opus, if the client wants it so, and the rest of it before a reply's end."""
        responses = [response] if self._replies is None else self._replies.encoded(response)
        for each in responses:
            if each.HasField("started"):
                self._set_formats(each)
            yield _printed(each)

    def _set_formats(self, response: ConverseResponse) -> None:
        """Have `started` name the formats the client deals in."""
        if self._microphone is not None and response.started.HasField("input_format"):
            response.started.input_format.CopyFrom(_OGG_OPUS)
        if self._replies is not None:
            response.started.output_format.CopyFrom(_OGG_OPUS)

    def rejection(self, fault: InvalidEvent) -> str:
        """What answers an invalid message: the same as the service's answer to a request it cannot honour.

        For audio that was dropped it is a `warning`.
        """
        if isinstance(fault, ExcessAudio):
            return _printed(ConverseResponse(warning=pb.Warning(reason=fault.reason, message=fault.message)))
        rejected = RequestRejected(reason=fault.reason, message=fault.message)
        return _printed(ConverseResponse(request_id=fault.request_id, request_rejected=rejected))

    def fatal(self, words: str, error: MeshError) -> str:
        """`error`: why, for programs and for people; which service is missing; when to try again."""
        body: dict[str, Any] = {"reason": error.reason, "message": words}
        if error.service is not None:
            body["service"] = error.service
        if error.field is not None:
            body["field"] = error.field
        if error.retry_after is not None:
            body["retryAfter"] = duration(error.retry_after).ToJsonString()
        return json.dumps({"error": body})


class _OpusMicrophone:
    """A client's microphone as one Ogg Opus stream, turned into frames for the service."""

    def __init__(self) -> None:
        self._decoder = OpusDecoder()
        self._framer = Framer()

    def frames(self, piece: bytes, now: float) -> Iterator[ConverseRequest]:
        """The 80 ms frames that the next piece completes. Raises `InvalidAudio`, after those that are good."""
        for pcm in self._decoder.decode(piece, now):
            for frame in self._framer.push(pcm):
                yield ConverseRequest(audio=UserAudio(audio=frame))


class _OpusReplies:
    """The replies of one connection, spoken in one Ogg Opus stream that lasts as long as it does."""

    def __init__(self) -> None:
        self._encoder = OpusEncoder()
        self._end_s = 0.0
        """Where the audio ends that was encoded last, in seconds of its reply."""

    def encoded(self, response: ConverseResponse) -> Iterator[ConverseResponse]:
        """What stands for `response`: its audio encoded. What the encoder holds back goes before a reply's end."""
        match response.WhichOneof("event"):
            case "reply_audio":
                audio = response.reply_audio
                self._end_s = seconds(audio.start_offset) + len(audio.audio) / SAMPLE_BYTES / SAMPLE_RATE
                # A page is whole when there are samples for it; until then there is nothing to send.
                if pages := self._encoder.encode(audio.audio):
                    audio.audio = pages
                    yield response
            case "reply_released":
                yield from self._rest(response.reply_released.reply_id)
                yield response
            case "reply_cancelled":
                yield from self._rest(response.reply_cancelled.reply_id)
                yield response
            case _:
                yield response

    def _rest(self, reply_id: str) -> Iterator[ConverseResponse]:
        """The end of a reply, so that the next one does not begin with it."""
        if pages := self._encoder.flush():
            rest = ReplyAudio(reply_id=reply_id, audio=pages, start_offset=duration(self._end_s))
            yield ConverseResponse(reply_audio=rest)


def _is_opus(offered: AudioFormat, field: str) -> bool:
    """Whether the client asks for Opus. Raises `BadAudioFormat`, which blames `field`, if at another rate."""
    if offered.encoding != AUDIO_ENCODING_OGG_OPUS:
        return False
    if offered.sample_rate_hertz not in (0, SAMPLE_RATE):
        raise BadAudioFormat(
            f"Ogg Opus at {offered.sample_rate_hertz} Hz is not taken here, only at {SAMPLE_RATE} Hz", field=field
        )
    return True


def _parsed(message: str | bytes) -> ConverseRequest:
    """The request in a text frame. Raises `InvalidEvent` for anything else."""
    if isinstance(message, bytes):
        raise InvalidEvent("a binary frame came where a text frame with a ConverseRequest as JSON was expected")
    try:
        return json_format.Parse(message, ConverseRequest())
    except json_format.ParseError as error:
        raise InvalidEvent(f"not a ConverseRequest as JSON: {_on_one_line(str(error))}") from error


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _printed(message: Message) -> str:
    printed: str = json_format.MessageToJson(message, indent=None, ensure_ascii=False)
    return printed
