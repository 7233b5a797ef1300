"""Unmute's dialect of one connection: JSON events and Ogg Opus ↔ `Converse`."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, assert_never

from edge.audio.ogg import InvalidAudio, TooMuchAudio
from edge.audio.opus import OpusDecoder
from edge.dialects import ExcessAudio, InvalidEvent, Queue
from edge.dialects.unmute.additional_outputs import AdditionalOutputs, ChatHistory, DebugFigures, OutputsTimer
from edge.dialects.unmute.client_events import AnonymizedAppend, AudioAppend, Session, SessionUpdate, parse
from edge.dialects.unmute.instructions import character
from edge.dialects.unmute.replies import Replies
from edge.dialects.unmute.server_events import (
    ErrorBody,
    ErrorEvent,
    ErrorType,
    ServerEvent,
    SessionUpdated,
    encoded,
)
from edge.dialects.unmute.user_speech import UserSpeech
from mesh.audio import SAMPLE_BYTES
from mesh.audio.frames import Framer
from mesh.errors import MeshError
from mesh.times import duration
from parley.conversation.v1 import conversation_pb2 as conversation

SILENCE_TIMEOUT_S = 7.0
"""Unmute's patience after a reply."""

PACING_LEAD_S = 0.32
"""Four frames. More would be heard after an interruption: the page plays out what it has."""


_VOICE_FAILED = "TTS_FAILED"
"""The reason of the warning that a reply's synthesis has broken off."""

_MOST_PENDING_UPDATES = 32
"""Session updates that may wait for their answer."""


def _call_later(seconds: float, function: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(seconds, function)


class UnmuteDialect:
    """The translation of one connection.

    `queue` takes the additional outputs that are due by themselves. `clock` gives monotonic seconds; `call_later` runs
    a function after so many seconds, by default in the running event loop.
    """

    def __init__(
        self,
        queue: Queue,
        clock: Callable[[], float] = time.monotonic,
        call_later: Callable[[float, Callable[[], None]], object] = _call_later,
    ) -> None:
        self._decoder = OpusDecoder()
        self._framer = Framer()
        self._user_speech = UserSpeech()
        self._history = ChatHistory()
        self._figures = DebugFigures(clock)
        self._outputs = AdditionalOutputs(self._history, self._figures)
        self._outputs_timer = OutputsTimer(self._outputs, queue, clock, call_later)
        self._replies = Replies(self._history, self._figures, self._outputs)
        self._pending_updates: dict[str, Session] = {}
        self._updates = 0

    async def opening(self, receive: Callable[[], Awaitable[str | bytes]]) -> conversation.ConverseRequest:
        """Unmute's way of holding a conversation; instructions and voice come with the first `session.update`."""
        del receive
        session = conversation.SessionConfig(
            greeting=True,
            goodbye=True,
            silence_timeout=duration(SILENCE_TIMEOUT_S),
            confirmation_time=duration(0),
            pacing_lead=duration(PACING_LEAD_S),
        )
        return conversation.ConverseRequest(config=conversation.ConverseConfig(session=session))

    def requests(self, message: str | bytes, now: float) -> Iterator[conversation.ConverseRequest]:
        """What a client's message asks for: an update, or whole frames of audio. See `Dialect.requests`."""
        match parse(message):
            case AudioAppend(audio=encoded):
                yield from self._audio(encoded, now)
            case SessionUpdate(session=session):
                yield self._update(session)
            case AnonymizedAppend():
                pass
            case other:
                assert_never(other)
        self._outputs_timer.start_if_due()

    def _audio(self, encoded: bytes, now: float) -> Iterator[conversation.ConverseRequest]:
        try:
            for pcm in self._decoder.decode(encoded, now):
                self._outputs.on_audio(len(pcm) // SAMPLE_BYTES)
                for frame in self._framer.push(pcm):
                    yield conversation.ConverseRequest(audio=conversation.UserAudio(audio=frame))
        except TooMuchAudio as error:
            raise ExcessAudio from error
        except InvalidAudio as error:
            detail = {"type": "audio_invalid", "loc": ["audio"], "msg": str(error)}
            raise InvalidEvent(f"Invalid audio: {error}", [detail]) from error

    def _update(self, session: Session) -> conversation.ConverseRequest:
        if len(self._pending_updates) >= _MOST_PENDING_UPDATES:
            raise InvalidEvent("Too many session updates are still waiting for their answer")
        self._outputs.enable()
        self._outputs_timer.restart()
        self._updates += 1
        request_id = f"update-{self._updates}"
        self._pending_updates[request_id] = session
        changes = conversation.SessionConfig(recording_consent=session.consents)
        if session.voice:
            changes.voice = session.voice
        if session.instructions is not None:
            changes.instructions.character.CopyFrom(character(session.instructions))
        return conversation.ConverseRequest(request_id=request_id, update=conversation.UpdateSession(session=changes))

    def events(self, response: conversation.ConverseResponse) -> Iterator[str]:
        """The messages to the client for `response`. See `Dialect.events`."""
        self._outputs_timer.restart()
        for event in self._translated(response):
            yield encoded(event)

    def _translated(self, response: conversation.ConverseResponse) -> Iterator[ServerEvent]:
        match response.WhichOneof("event"):
            case "session_updated":
                yield from self._session_updated(response.request_id)
            case "request_rejected":
                yield self._request_rejected(response.request_id, response.request_rejected)
            case "user_speech_started":
                self._user_speech.on_started(response.user_speech_started)
            case "user_word_recognized":
                yield from self._user_word(response.user_word_recognized)
            case "user_speech_stopped":
                self._figures.on_user_pause()
                yield from self._user_speech.on_stopped(response.user_speech_stopped)
            case "user_turn_ended":
                self._history.set_user_turn(response.user_turn_ended.item_id, response.user_turn_ended.text)
            case "reply_created":
                yield from self._replies.on_created(response.reply_created)
            case "reply_text_delta":
                yield from self._replies.on_text(response.reply_text_delta)
            case "reply_text_done":
                yield from self._replies.on_text_done()
            case "reply_audio":
                yield from self._replies.on_audio(response.reply_audio)
            case "reply_word_spoken":
                yield from self._replies.on_word(response.reply_word_spoken)
            case "reply_released":
                yield from self._replies.on_released(response.reply_released)
            case "reply_cancelled":
                yield from self._replies.on_cancelled(response.reply_cancelled)
            case "warning":
                if response.warning.reason == _VOICE_FAILED:
                    self._replies.on_voice_failed()
                yield _error("warning", response.warning.message)
            case "started" | "user_partial_transcript" | "user_turn_discarded" | "conversation_ended":
                pass  # Unmute's clients have no event for these.
            case "reply_held" | "reply_resumed" | "reply_finished":
                pass  # They learn of a reply's release or cut only.
            case "checkpoint" | "go_away":
                pass  # The session has acted on them.
            case "user_turn_restored":
                pass  # They resume nothing.
            case None:
                pass  # An event of a newer contract.
            case other:
                assert_never(other)

    def _user_word(self, event: conversation.UserWordRecognized) -> Iterator[ServerEvent]:
        if events := list(self._user_speech.on_word(event)):
            self._history.add_user_word(event.item_id, event.text)
            self._figures.on_user_word()
        yield from events

    def _session_updated(self, request_id: str) -> Iterator[ServerEvent]:
        session = self._pending_updates.pop(request_id, None)
        if session is not None:
            yield SessionUpdated(session=session)

    def _request_rejected(self, request_id: str, event: conversation.RequestRejected) -> ServerEvent:
        self._pending_updates.pop(request_id, None)
        detail = {"type": event.reason.lower(), "loc": [], "msg": event.message}
        return _error("invalid_request_error", event.message, [detail])

    def rejection(self, fault: InvalidEvent) -> str:
        """The `invalid_request_error` that answers an invalid message; `warning` for audio that was dropped."""
        if isinstance(fault, ExcessAudio):
            return encoded(_error("warning", fault.message))
        return encoded(_error("invalid_request_error", fault.message, fault.details))

    def fatal(self, words: str, error: MeshError) -> str:
        """The `fatal` error that goes before the close."""
        details = {"reason": error.reason, "service": error.service, "retry_after": error.retry_after}
        return encoded(_error("fatal", words, details))


def _error(kind: ErrorType, message: str, details: Any = None) -> ServerEvent:
    return ErrorEvent(error=ErrorBody(type=kind, message=message, details=details))
