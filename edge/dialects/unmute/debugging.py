"""What Unmute's page shows to developers, who press D: where the conversation stands, and how long an answer took.

The names are those that Unmute's own server uses. None of it is about what was said.
"""

from collections.abc import Callable
from typing import Any, Literal

State = Literal["waiting_for_user", "user_speaking", "bot_speaking"]

_MILLISECONDS = 3
"""Digits behind the point."""


class Debugging:
    """The figures of one conversation. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._state: State = "waiting_for_user"
        self._voice = "none"
        self._timing: dict[str, float] = {}
        self._paused_at: float | None = None
        self._created_at = clock()
        self._written_at: float | None = None

    def user_spoke(self) -> None:
        """The person says something."""
        self._state = "user_speaking"
        self._timing = {}
        self._paused_at = None

    def user_paused(self) -> None:
        """The person seems to have finished."""
        self._paused_at = self._clock()

    def reply_created(self, voice: str) -> None:
        """A reply is being prepared."""
        self._state = "bot_speaking"
        self._voice = voice
        self._timing = {}
        self._created_at = self._clock()

    def reply_written(self) -> None:
        """The language model has written more."""
        if "to_first_token" not in self._timing:
            self._written_at = self._clock()
            self._note("to_first_token", since=self._created_at)

    def reply_spoken(self) -> None:
        """More of the reply may be heard."""
        if "tts_audio" not in self._timing:
            self._note("tts_audio", since=self._created_at if self._written_at is None else self._written_at)
            self._note("to_first_audio", since=self._created_at if self._paused_at is None else self._paused_at)

    def reply_over(self) -> None:
        """The reply has been sent, or has ended early."""
        self._state = "waiting_for_user"
        self._paused_at = self._written_at = None

    def figures(self, heard_s: float) -> dict[str, Any]:
        """All of it; `heard_s` is how many seconds of microphone have been received."""
        return {
            "conversation_state": self._state,
            "timing": dict(self._timing),
            "tts_voice": self._voice,
            "last_receive_time": round(heard_s, _MILLISECONDS),
        }

    def _note(self, name: str, *, since: float) -> None:
        self._timing[name] = round(self._clock() - since, _MILLISECONDS)
