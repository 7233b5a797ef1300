"""What a listener hears of one reply: its samples, in the order and at the times they were released."""

from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.conversation.policy import FRAME_SAMPLES, SAMPLE_RATE

ROUNDING = 1e-6
"""Seconds by which two ways of adding up times may differ."""


class HeardWord(NamedTuple):
    """A word of a reply's audio, and how many texts of the model were spoken with it."""

    text: str
    start: float
    end: float
    texts: int

    @property
    def end_sample(self) -> int:
        return round(self.end * SAMPLE_RATE)


@dataclass
class HeardReply:
    """One reply as it reaches a listener who plays what they are sent at once, and keeps silent when that runs out.

    Unless they report something else: then so much was played, and the rest begins now, or after a pause.

    This knows nothing of the core's clock: it keeps each piece of audio with the time it begins to be heard.
    """

    reply_id: str
    item_id: str
    spoken: bool
    arrived: int = 0
    released: int = 0
    texts: list[str] = field(default_factory=list)
    """What the model has written, piece by piece."""
    words: list[HeardWord] = field(default_factory=list)
    resumed_at: float = 0.0
    """Where the present synthesis began, in seconds."""
    announced: int = 0
    complete: bool = False
    text_ended: bool = False
    failed: bool = False
    held: bool = False
    done: bool = False
    """All of it was released."""
    reported: float = 0.0
    """Seconds that are known to have been played."""
    _pieces: list[tuple[float, float]] = field(default_factory=list)
    """(when it begins to be heard, samples), in order."""

    @property
    def written(self) -> str:
        return "".join(self.texts)

    @property
    def next_text(self) -> int:
        """The next of the texts that is to be spoken; their number if there is none."""
        spoken = self.words[-1].texts if self.words else 0
        return next((at for at in range(spoken, len(self.texts)) if self.texts[at].strip()), len(self.texts))

    @property
    def whole_words(self) -> list[HeardWord]:
        """The words that have become sound to their end."""
        return [word for word in self.words if word.end_sample <= self.arrived]

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to be synthesised."""
        spoken = self.whole_words[-1].texts if self.whole_words else 0
        return self.text_ended and not "".join(self.texts[spoken:]).strip()

    @property
    def heard_at(self) -> float:
        """When everything that was sent will have been heard."""
        if not self._pieces:
            return 0.0
        begins, samples = self._pieces[-1]
        return begins + samples / SAMPLE_RATE

    def heard(self, now: float) -> float:
        """Return how many seconds of it have been heard."""
        return sum(min(samples / SAMPLE_RATE, max(0.0, now - begins)) for begins, samples in self._pieces)

    def heard_words(self, now: float, doubt: float) -> list[str]:
        """Return the words heard to their end, of which the last `doubt` seconds are taken as heard too."""
        if not self.spoken:
            return self.written.split()
        heard = self.heard(now) + doubt
        return [text for text, _, end, _ in self.words if end <= heard]

    def played_words(self, played: float) -> list[str]:
        """Return the words that end within what its player says it had played when it was stopped."""
        most = self.released / SAMPLE_RATE
        return [text for text, _, end, _ in self.words if end <= min(max(self.reported, played), most)]

    def all_words(self) -> list[str]:
        """Return what the whole reply says."""
        return [word.text for word in self.words] or self.written.split()

    def release(self, start: int, samples: int, now: float, lead: float) -> None:
        """Send more of it: what comes next, no more than has arrived, in whole frames, and never too far ahead."""
        assert not self.held
        assert not self.done
        assert start == self.released
        self.released += samples
        assert samples > 0
        assert self.released <= self.arrived
        assert samples % FRAME_SAMPLES == 0 or (self.complete and self.released == self.arrived)
        self._pieces.append((max(now, self.heard_at), samples))
        assert self.released / SAMPLE_RATE - self.heard(now) <= lead + ROUNDING

    def report(self, now: float, played: float, *, paused: bool) -> None:
        """Take it from the client how much was played by now; the pause it reports lasts a second at most."""
        if not self._pieces:
            return
        self.reported = min(max(self.reported, played), self.released / SAMPLE_RATE)
        played_samples = self.reported * SAMPLE_RATE
        self._pieces = [(-1e9, played_samples), (now + paused, self.released - played_samples)]

    def announce(self, text: str, start: float, end: float, now: float) -> None:
        """Announce the next word, which begins to be heard now or has been, or never will."""
        assert (text, start, end) == self.words[self.announced][:3]
        self.announced += 1
        over = self.complete and self.released == self.arrived and now >= self.heard_at - ROUNDING
        assert over or start <= self.heard(now) + ROUNDING

    def resume(self, texts: int, sample: int) -> None:
        """Have another synthesis go on behind the last word that is whole: nothing is lost, and nothing said twice."""
        assert not self.failed
        whole = self.whole_words
        assert texts == (whole[-1].texts if whole else 0)
        assert sample == max(self.released, whole[-1].end_sample if whole else 0)
        self.words, self.arrived, self.resumed_at = whole, sample, sample / SAMPLE_RATE

    def fail(self) -> None:
        """No more of it will be synthesised: words that did not become sound are lost."""
        self.words = self.whole_words
        self.announced = min(self.announced, len(self.words))
        self.complete = self.failed = True
