"""Feeds a dialect with responses, and keeps the events that its client gets."""

import json
import re
from collections.abc import Callable
from typing import Any

from edge.dialects import DeferredMessages
from edge.dialects.unmute import UnmuteDialect
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.sounds import tone

FRAME = tone(0.08)
DETECTED, WORD = conversation.SPEECH_CAUSE_DETECTED, conversation.SPEECH_CAUSE_WORD
SILENCE, TYPED = conversation.SPEECH_CAUSE_SILENCE, conversation.SPEECH_CAUSE_TYPED
CUT_BY_SPEECH = conversation.CANCEL_CAUSE_SPEECH_DETECTED


class DialectHarness:
    """A dialect whose clock says `now`, and the events that its client gets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.queued: list[DeferredMessages] = []
        self._timers: list[tuple[float, Callable[[], None]]] = []
        self.dialect = UnmuteDialect(self.queued.append, clock=lambda: self.now, call_later=self._call_later)
        self.events: list[dict[str, Any]] = []

    def __call__(self, request_id: str | None = None, **event: Any) -> list[dict[str, Any]]:
        """The events of one response, given as its member and the member's fields."""
        response = conversation.ConverseResponse(request_id=request_id, **event)
        events = [json.loads(message) for message in self.dialect.events(response)]
        self.events += events
        return events

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and timers run out."""
        end = self.now + seconds
        while due := [timer for timer in self._timers if timer[0] <= end]:
            timer = min(due, key=lambda each: each[0])
            self._timers.remove(timer)
            self.now = timer[0]
            timer[1]()
        self.now = end

    def send_queued(self) -> list[dict[str, Any]]:
        """Send what the dialect has queued of its own accord."""
        entries = list(self.queued)
        self.queued.clear()
        return [json.loads(message) for entry in entries for message in entry()]

    def _call_later(self, seconds: float, function: Callable[[], None]) -> None:
        self._timers.append((self.now + seconds, function))

    def user_says(self, item_id: str, *words: str) -> None:
        self(user_speech_started={"item_id": item_id, "cause": DETECTED})
        for word in words:
            self(user_word_recognized={"item_id": item_id, "text": word})
        self(user_speech_stopped={"item_id": item_id, "cause": DETECTED})
        self(user_turn_ended={"item_id": item_id, "text": " ".join(words), "cause": DETECTED})

    def reply_says(self, reply_id: str, text: str) -> None:
        self(reply_created={"reply_id": reply_id})
        self(reply_audio={"reply_id": reply_id, "audio": FRAME})
        self(reply_released={"reply_id": reply_id, "text": text})

    @property
    def types(self) -> list[str]:
        return [event["type"] for event in self.events]


def body(events: list[dict[str, Any]]) -> dict[str, Any]:
    """The only event, without its id."""
    [event] = events
    assert re.fullmatch(r"event_[A-Za-z0-9]{21}", event.pop("event_id"))
    return event


def idle_dialect() -> UnmuteDialect:
    """A dialect that sends nothing of its own accord, because its timers never run out."""
    queued: list[DeferredMessages] = []
    return UnmuteDialect(queued.append, call_later=lambda _seconds, _function: None)
