"""From the engine's positions to the microphone's.

A flush feeds the engine silence that the microphone never heard. The engine counts it; here it is taken out again, so
that positions never drift. Positions are samples from the stream's first one.
"""

from typing import NamedTuple


class _Silence(NamedTuple):
    start: int
    end: int


class SilenceMap:
    """What was sent to the engine: microphone, and silences in between. `sent` counts both."""

    def __init__(self) -> None:
        self.sent = 0
        self._forgotten = 0
        """Samples of silence that are no longer remembered one by one."""
        self._silences: list[_Silence] = []

    def add_audio(self, samples: int) -> None:
        """The microphone's next samples were sent."""
        self.sent += samples

    def add_silence(self, samples: int) -> None:
        """Silence was sent."""
        self._silences.append(_Silence(self.sent, self.sent + samples))
        self.sent += samples

    def position(self, sent: int) -> int:
        """Where the engine's position is in the microphone. All of a silence is where it was put in."""
        put_in = sum(min(sent, silence.end) - silence.start for silence in self._silences if silence.start < sent)
        return max(0, sent - self._forgotten - put_in)

    def forget(self, sent: int) -> None:
        """Say that no earlier position of the engine will be asked for."""
        done = [silence for silence in self._silences if silence.end <= sent]
        self._forgotten += sum(silence.end - silence.start for silence in done)
        del self._silences[: len(done)]
