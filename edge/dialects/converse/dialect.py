"""The translation of one connection: JSON ↔ messages of `Converse`, and Ogg Opus ↔ PCM where the client asks for it."""

import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import Message

from edge.audio.ogg import InvalidAudio, TooMuchAudio
from edge.dialects import ExcessAudio, InvalidEvent
from edge.dialects.converse.opus import OGG_OPUS, OpusMicrophone, OpusReplies, is_opus
from mesh.audio import WORKING_FORMAT
from mesh.errors import BadAudio, ConfigRequired, InvalidRequest, MeshError
from mesh.times import duration
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.conversation.v1.conversation_pb2 import ConverseRequest, ConverseResponse, RequestRejected, Warning  # noqa: A004 - the contract names it so

_WORKING = AudioFormat(encoding=WORKING_FORMAT.encoding, sample_rate_hertz=WORKING_FORMAT.sample_rate_hertz)


class ConverseDialect:
    """One connection. Opus is decoded and encoded here; audio in any other format is passed through."""

    def __init__(self) -> None:
        self._microphone: OpusMicrophone | None = None
        self._replies: OpusReplies | None = None

    async def opening(self, receive: Callable[[], Awaitable[str | bytes]]) -> ConverseRequest:
        """The client's first message, which must be `config`. Raises `InvalidRequest`."""
        try:
            request = _parsed(await receive())
        except InvalidEvent as fault:
            raise InvalidRequest(fault.message) from fault
        if not request.HasField("config"):
            raise ConfigRequired("the first message must be config", field="config")
        if is_opus(request.config.input_format, "config.input_format"):
            self._microphone = OpusMicrophone()
            request.config.input_format.CopyFrom(_WORKING)
        if is_opus(request.config.output_format, "config.output_format"):
            self._replies = OpusReplies()
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
        told = [response] if self._replies is None else self._replies.encoded(response)
        for each in told:
            if each.HasField("started"):
                self._tell_formats(each)
            yield _printed(each)

    def _tell_formats(self, response: ConverseResponse) -> None:
        """Have `started` name the formats the client deals in."""
        if self._microphone is not None and response.started.HasField("input_format"):
            response.started.input_format.CopyFrom(OGG_OPUS)
        if self._replies is not None:
            response.started.output_format.CopyFrom(OGG_OPUS)

    def wants_pause(self) -> bool:
        """Never: this dialect only tells what happens."""
        return False

    def pause(self) -> Iterator[str]:
        """Nothing."""
        yield from ()

    def rejection(self, fault: InvalidEvent) -> str:
        """What answers an invalid message: the same as the service's answer to a request it cannot honour.

        Audio that was dropped is told by `warning`.
        """
        if isinstance(fault, ExcessAudio):
            return _printed(ConverseResponse(warning=Warning(reason=fault.reason, message=fault.message)))
        rejected = RequestRejected(reason=fault.reason, message=fault.message)
        return _printed(ConverseResponse(request_id=fault.request_id, request_rejected=rejected))

    def fatal(self, words: str, error: MeshError) -> str:
        """`error`: why, for programs and for people; which service is missing; when to try again."""
        told: dict[str, Any] = {"reason": error.reason, "message": words}
        if error.service is not None:
            told["service"] = error.service
        if error.field is not None:
            told["field"] = error.field
        if error.retry_after is not None:
            told["retryAfter"] = duration(error.retry_after).ToJsonString()
        return json.dumps({"error": told})


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
