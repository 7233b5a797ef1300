"""Tells a dialect what happens, and notes what its client is told."""

import json
import re
from typing import Any

from edge.dialects.unmute import UnmuteDialect
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.sounds import tone

FRAME = tone(0.08)
DETECTED, WORD = conversation.SPEECH_CAUSE_DETECTED, conversation.SPEECH_CAUSE_WORD
SILENCE, TYPED = conversation.SPEECH_CAUSE_SILENCE, conversation.SPEECH_CAUSE_TYPED
CUT_BY_SPEECH = conversation.CANCEL_CAUSE_SPEECH_DETECTED


class Told:
    """Tells a dialect what happens, and notes what its client is told. `now` is what its clock says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.dialect = UnmuteDialect(clock=lambda: self.now)
        self.events: list[dict[str, Any]] = []

    def __call__(self, request_id: str | None = None, **event: Any) -> list[dict[str, Any]]:
        """The events of one response, given as its member and the member's fields."""
        response = conversation.ConverseResponse(request_id=request_id, **event)
        told = [json.loads(message) for message in self.dialect.events(response)]
        self.events += told
        return told

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
