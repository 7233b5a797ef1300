"""How much audio a client may send, however fast it sends."""

BURST_S = 10.0
"""Audio that is taken at once: what a page holds back while its network is gone."""

RATE = 2.0
"""Seconds of audio earned a second; above 1, so that a fast clock or a late burst never runs dry."""


class AudioBudget:
    """A budget of audio time: full at first, spent by what is taken, earned back with time.

    It may be overdrawn once, by the message that empties it, and is then closed until that is earned back. So what a
    client costs is bounded without knowing in advance how much audio its bytes hold.
    """

    def __init__(self, burst_s: float = BURST_S, rate: float = RATE) -> None:
        self._burst_s = burst_s
        self._rate = rate
        self._left_s = burst_s
        self._as_of: float | None = None
        self._excess_noted = False

    def is_open(self, now: float) -> bool:
        """Whether more may be taken at `now`, in seconds of any clock that never goes back."""
        if self._as_of is not None:
            self._left_s = min(self._burst_s, self._left_s + (now - self._as_of) * self._rate)
        self._as_of = now
        if self._left_s == self._burst_s:
            self._excess_noted = False
        return self._left_s > 0

    def note_excess(self) -> bool:
        """Note that audio was dropped. Whether it is the first of an episode, which lasts until the budget is full."""
        is_first = not self._excess_noted
        self._excess_noted = True
        return is_first

    def spend(self, seconds: float) -> None:
        """Take `seconds` of audio off."""
        self._left_s -= seconds
