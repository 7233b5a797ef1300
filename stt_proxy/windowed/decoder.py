"""What an engine has to bring: something that turns one window of audio into words."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from stt_proxy.recognition.samples import Samples
from stt_proxy.recognition.words import TimedWord


@dataclass(frozen=True, slots=True)
class Decoding:
    """The words of a window, each at its place, in samples from the window's first.

    `language` is the one that was decoded, as a BCP 47 tag; `certainty` (0 to 1) is how sure the decoder is that it was
    spoken, 1 if it was told.
    """

    words: tuple[TimedWord, ...]
    language: str = ""
    certainty: float = 1.0


class Decoder(Protocol):
    """Decodes windows, several at once."""

    async def decode(self, samples: Samples, language: str, likely: str) -> Decoding:
        """Decode a window of at most 30 s.

        `language` is a BCP 47 tag that the engine knows; empty: the decoder finds out, and takes `likely` (empty: none)
        where it cannot. Raises `UpstreamDown` when the decoder is lost, and `UpstreamMisconfigured`.
        """


class Detector(Protocol):
    """Tells speech from everything else, in one stream."""

    def feed(self, samples: Samples) -> Iterator[float]:
        """Take in the next samples; the probability of speech in each chunk they complete."""
