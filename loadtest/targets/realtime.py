"""Unmute's dialect at the edge, or at Unmute itself: JSON and Ogg Opus over a WebSocket."""

import base64
from typing import Any

import msgspec

from loadtest.conversation import ConversationLog
from loadtest.opus_stream import OggClock, OggOpusWriter
from loadtest.speech import Voice
from loadtest.targets.socket import ConversationSocket

PATH = "/v1/realtime"

_APPEND = (b'{"type":"input_audio_buffer.append","audio":"', b'"}')


class _Fault(msgspec.Struct):
    type: str
    message: str
    details: Any = None


class _Outcome(msgspec.Struct):
    status: str = ""


class _ServerEvent(msgspec.Struct):
    """The fields that matter here, of whatever event."""

    type: str
    delta: str | None = None
    error: _Fault | None = None
    response: _Outcome | None = None


class RealtimeTarget:
    """The edge at `url`, a ws:// address with its path. `voice` is one of Opus packets."""

    def __init__(self, url: str, voice: Voice) -> None:
        self.name = url
        self.voice = voice
        update = {"type": "session.update", "session": {"allow_recording": False}}
        self._update = msgspec.json.encode(update)

    async def connect(self, log: ConversationLog) -> "_RealtimeConnection":
        """Open a conversation. It is admitted when the first `session.update` is answered."""
        return await _RealtimeConnection(log).open(self.name, [self._update])

    async def close(self) -> None:
        """Nothing is shared."""


class _RealtimeConnection(ConversationSocket):
    def __init__(self, log: ConversationLog) -> None:
        super().__init__(log)
        self._writer = OggOpusWriter()
        self._clock = OggClock()

    def send_frame(self, frame: bytes) -> None:
        before, after = _APPEND
        self.socket.send(before + base64.b64encode(self._writer.page(frame)) + after)

    def take(self, message: bytes, now: float) -> None:
        event = msgspec.json.decode(message, type=_ServerEvent)
        log = self.log
        match event.type:
            case "response.audio.delta" if event.delta is not None:
                log.audio(now, self._clock.seconds(base64.b64decode(event.delta, validate=True)))
            case "unmute.response.text.delta.ready":
                log.text(now)
            case "input_audio_buffer.speech_stopped":
                log.speech_stopped(now)
            case "response.created":
                log.reply_created(now)
            case "response.audio.done":
                log.reply_ended(complete=True)
            case "unmute.interrupted_by_vad":
                log.reply_ended(complete=False)
            case "unmute.additional_outputs" if event.response is not None and event.response.status:
                log.reply_ended(complete=False)
            case "session.updated":
                self.admitted()
            case "error" if event.error is not None:
                self._take_error(event.error)
            case _:
                pass

    def _take_error(self, error: _Fault) -> None:
        if error.type != "fatal":
            self.log.warned(error.message)
            return
        details = error.details if isinstance(error.details, dict) else {}
        retry_after = details.get("retry_after")
        self.failed(
            str(details.get("reason") or "FATAL"),
            error.message,
            retry_after if isinstance(retry_after, int | float) else None,
        )
