"""A user's microphone: a frame goes out at the moment its last sample is due, whether or not anybody answers."""

import asyncio
from collections.abc import Callable

from loadtest.speech import Utterance, Voice

_EARLY_S = 0.002
"""How early a timer may fire: uvloop counts whole milliseconds."""


class Microphone:
    """Sends frames of `voice` from `start` to `stop`: silence, but for what the user says.

    `note_late` is given how late each frame went out. It runs on one timer and without a task.
    """

    def __init__(self, voice: Voice, send: Callable[[bytes], None], note_late: Callable[[float], None]) -> None:
        self._voice = voice
        self._send = send
        self._note_late = note_late
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._utterance: Utterance | None = None
        self._position = 0
        self._began = 0.0
        self._on_voice_ended: Callable[[float], None] | None = None

    def start(self) -> None:
        """Begin to send."""
        self._due = self._loop.time() + self._voice.frame_s
        self._timer = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        """Send no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def say(self, utterance: Utterance, on_voice_ended: Callable[[float], None]) -> None:
        """Speak from the next frame on. `on_voice_ended` is given the time of the last sound, once that was sent."""
        self._utterance, self._position, self._on_voice_ended = utterance, 0, on_voice_ended

    def _tick(self) -> None:
        now = self._loop.time()
        self._note_late(now - self._due)
        # After a stall, what was due meanwhile goes out at once, as from a browser's buffer.
        while self._due <= now + _EARLY_S:
            self._send(self._next_frame())
            self._due += self._voice.frame_s
        if self._timer is not None:
            self._timer = self._loop.call_at(self._due, self._tick)

    def _next_frame(self) -> bytes:
        utterance = self._utterance
        if utterance is None:
            return self._voice.quiet
        if self._position == 0:
            self._began = self._due - self._voice.frame_s
        frame = utterance.frames[self._position]
        self._position += 1
        if self._on_voice_ended is not None and self._position * self._voice.frame_s >= utterance.voiced_s:
            ended, self._on_voice_ended = self._on_voice_ended, None
            ended(self._began + utterance.voiced_s)
        if self._position == len(utterance.frames):
            self._utterance = None
        return frame
