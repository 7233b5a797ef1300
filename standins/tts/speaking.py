"""One utterance: which audio and which word times come out of which step. It does no I/O."""

from collections.abc import Iterable
from typing import NamedTuple

from standins.tts import sound
from standins.tts.options import TtsOptions
from standins.tts.words import Item, items
from standins.wire import FRAME_S


class Spoken(NamedTuple):
    """Where a word lies, in seconds from the first sample."""

    text: str
    start_s: float
    stop_s: float


class Sound(NamedTuple):
    """A frame of float32 samples."""

    samples: bytes


class Speaking:
    """Speaks while it knows enough words ahead, or knows that no more will come."""

    def __init__(self, options: TtsOptions) -> None:
        self.finished = False
        """Whether all was said."""
        self.frames = 0
        """Of audio so far."""
        self._options = options
        self._ended = False
        self._items: list[Item] = []
        self._starts = [0]
        """The first frame of each item, and of the one after the last."""
        self._at = 0
        self._told = 0
        """Items whose times were told."""
        self._silent_steps = int(options.first_audio_s * options.speed / FRAME_S)
        """Steps that only read text, before the first with audio."""

    def add(self, text: str) -> None:
        """Take more text; what comes after the end is lost."""
        if self._ended:
            return
        for item in items(text, self._options.word_frames):
            self._items.append(item)
            self._starts.append(self._starts[-1] + item.frames)

    def end(self) -> None:
        """No more text will come."""
        self._ended = True
        self.finished = not self._items

    def can_step(self) -> bool:
        """Whether it knows enough to go on."""
        return not self.finished and self._knows(self._at + self._options.look_ahead)

    def step(self) -> Iterable[Spoken | Sound]:
        """Make the next frame, with the words whose times are known by now."""
        if self._silent_steps:
            self._silent_steps -= 1
            return
        while self._told + 1 < len(self._items) and self._near(self._told) and self._knows(self._told + 2):
            yield from self._tell()
        if self._at < len(self._items):
            item = self._items[self._at]
            number = self.frames - self._starts[self._at]
            yield Sound(sound.frame(item.text, number, item.frames) if item.text else sound.SILENCE)
            self.frames += 1
            while self._at < len(self._items) and self._starts[self._at + 1] <= self.frames:
                self._at += 1
        if self._ended and self._at == len(self._items):
            # The end of the last word is known only now.
            while self._told < len(self._items):
                yield from self._tell()
            self.finished = True

    def _knows(self, number: int) -> bool:
        return self._ended or len(self._items) > number

    def _near(self, number: int) -> bool:
        return self._starts[number] <= self.frames + self._options.text_lead_frames

    def _tell(self) -> Iterable[Spoken]:
        item, start, stop = self._items[self._told], self._starts[self._told], self._starts[self._told + 1]
        self._told += 1
        if item.text:
            yield Spoken(item.text, start * FRAME_S, stop * FRAME_S)
