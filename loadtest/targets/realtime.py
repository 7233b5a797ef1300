"""Unmute's dialect at the edge, or at Unmute itself: JSON and Ogg Opus over a WebSocket."""

import asyncio
import base64
import binascii
from typing import Any

import msgspec

from loadtest.conversation import ConversationLog
from loadtest.opus_stream import OggClock, OggOpusWriter
from loadtest.sessions import Lost, Refused
from loadtest.speech import Voice
from loadtest.websocket import WebSocket

_ADMISSION_LIMIT_S = 30.0

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

    def __init__(self, url: str, voice: Voice, *, session: dict[str, object] | None = None) -> None:
        self.name = url
        self.voice = voice
        self._url = url
        update = {"type": "session.update", "session": {"allow_recording": False} | (session or {})}
        self._update = msgspec.json.encode(update)

    async def connect(self, log: ConversationLog) -> "RealtimeConnection":
        """Open a conversation. It is admitted when the first `session.update` is answered."""
        connection = RealtimeConnection(log)
        socket = await WebSocket.connect(self._url, connection, subprotocol="realtime")
        connection.socket = socket
        socket.send(self._update)
        try:
            async with asyncio.timeout(_ADMISSION_LIMIT_S):
                await connection.admitted
        except TimeoutError:
            socket.abort()
            raise Refused("TIMEOUT", "the session was not confirmed") from None
        except asyncio.CancelledError:
            socket.abort()
            raise
        return connection


class RealtimeConnection:
    """One WebSocket; `RealtimeTarget.connect` opens it."""

    socket: WebSocket

    def __init__(self, log: ConversationLog) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self.admitted: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._writer = OggOpusWriter()
        self._clock = OggClock()
        self._fatal: Refused | None = None

    def send_frame(self, frame: bytes) -> None:
        """Send a packet on a page of its own."""
        before, after = _APPEND
        self.socket.send(before + base64.b64encode(self._writer.page(frame)) + after)

    async def until_lost(self) -> None:
        """Wait until the edge closes the connection. Raises `Lost`."""
        raise Lost(await asyncio.shield(self._lost))

    async def close(self) -> None:
        """Close the WebSocket in good order."""
        await self.socket.close()

    def abort(self) -> None:
        """Drop the connection."""
        self.socket.abort()

    def on_message(self, message: bytes) -> None:
        """Note an event. A message that cannot be read ends the session."""
        try:
            self._take(msgspec.json.decode(message, type=_ServerEvent))
        except (msgspec.MsgspecError, binascii.Error, ValueError):
            self._end("UNREADABLE")
            self.socket.abort()

    def on_closed(self, code: int, reason: str) -> None:
        """The connection is gone."""
        del reason
        self._end(f"CLOSED_{code}")

    def _end(self, why: str) -> None:
        fatal = self._fatal
        if not self.admitted.done():
            self.admitted.set_exception(fatal or Refused(why, "closed before the session was confirmed"))
        if not self._lost.done():
            self._lost.set_result(fatal.reason if fatal else why)
            self._log.lost()

    def _take(self, event: _ServerEvent) -> None:
        now = self._loop.time()
        log = self._log
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
                log.reply_ended(now, complete=True)
            case "unmute.interrupted_by_vad":
                log.reply_ended(now, complete=False)
            case "unmute.additional_outputs" if event.response is not None and event.response.status:
                log.reply_ended(now, complete=False)
            case "session.updated" if not self.admitted.done():
                self.admitted.set_result(None)
            case "error" if event.error is not None:
                self._take_error(event.error)
            case _:
                pass

    def _take_error(self, error: _Fault) -> None:
        details = error.details if isinstance(error.details, dict) else {}
        if error.type == "fatal":
            retry_after = details.get("retry_after")
            self._fatal = Refused(
                str(details.get("reason") or "FATAL"),
                error.message,
                retry_after_s=retry_after if isinstance(retry_after, int | float) else None,
            )
        else:
            self._log.warned(error.message)
