"""Reads what Unmute's clients are sent, and knows what they rely on."""

import base64
from typing import Any

from edge.audio.ogg import OggReader
from tests.edge.dialects.unmute import talker as kind

CLOSED_LIST = {
    kind.UPDATED,
    kind.CREATED,
    kind.READY,
    kind.TEXT_DONE,
    kind.TEXT,
    kind.AUDIO,
    kind.AUDIO_DONE,
    kind.TRANSCRIPTION,
    kind.STARTED,
    kind.STOPPED,
    kind.INTERRUPTED,
    kind.OUTPUTS,
    "error",
}
"""The load test fails at any other type. (It knows one more, which is for recordings and never sent.)"""


class EventChecker:
    """Takes events in and fails at the first that a client could not make sense of."""

    def __init__(self) -> None:
        self.last: dict[str, Any] = {"type": ""}
        self.outcomes: dict[str, list[str]] = {}
        """How each response ended, by its id: nothing for the one that goes on."""
        self.open: str | None = None
        """The response that goes on."""
        self._told: set[str] = set()
        """The types of what came of it."""
        self._pages = OggReader()
        self._next_sequence = 0

    def check(self, event: dict[str, Any]) -> None:
        assert event["type"] in CLOSED_LIST
        match event["type"]:
            case kind.CREATED:
                self._created(event["response"])
            case kind.READY:
                self._belongs(event)
                assert kind.TEXT_DONE not in self._told
            case kind.TEXT_DONE:
                self._belongs(event, after=kind.READY)
            case kind.TEXT:
                self._belongs(event)
                assert " " not in event["delta"]
            case kind.AUDIO:
                self._belongs(event)
                self._audio(event["delta"])
            case kind.AUDIO_DONE:
                self._belongs(event, after=kind.AUDIO)
                assert kind.READY in self._told
                self._outputs_precede(event["response"])
                self._ended(event["response"], "completed")
            case kind.INTERRUPTED:
                self._interrupted(event["response"])
            case kind.OUTPUTS if event["response"]:
                self._ended(event["response"], event["response"]["status"])
            case kind.STARTED:
                assert self.last["type"] == kind.TRANSCRIPTION
            case kind.TRANSCRIPTION:
                assert event["delta"].strip() == event["delta"] != ""
                assert isinstance(event["start_time"], float)
        self.last = event

    def _created(self, response: dict[str, Any]) -> None:
        assert self.open is None, f"{self.open} has not ended"
        assert response["id"] not in self.outcomes
        assert response["status"] == "in_progress"
        self.open, self._told = response["id"], set()
        self.outcomes[self.open] = []

    def _belongs(self, event: dict[str, Any], after: str = "") -> None:
        """It is part of the response that goes on, and comes after one of another type."""
        assert self.open is not None, f"{event['type']} belongs to no response"
        assert not after or after in self._told
        self._told.add(event["type"])

    def _audio(self, delta: str) -> None:
        for page in self._pages.read(base64.b64decode(delta, validate=True)):
            assert int.from_bytes(page.encoded[18:22], "little") == self._next_sequence
            assert page.begins_stream == (self._next_sequence == 0)
            self._next_sequence += 1

    def _outputs_precede(self, response: dict[str, Any]) -> None:
        assert self.last["type"] == kind.OUTPUTS
        assert self.last["args"]["chat_history"][-1] == {"role": "assistant", "content": response["text"]}

    def _interrupted(self, response: dict[str, Any]) -> None:
        assert self.open is None or self.last["type"] == kind.AUDIO or kind.AUDIO not in self._told
        self._ended(response, "cancelled")

    def _ended(self, response: dict[str, Any], status: str) -> None:
        assert response["status"] == status
        if self.open is None:  # all of it was sent, and not all was heard
            assert (status, self.outcomes[response["id"]]) == ("cancelled", ["completed"])
        else:
            assert response["id"] == self.open
        self.outcomes[response["id"]].append(status)
        self.open = None
