"""Which of Whisper's hypotheses are none: it repeats itself, and finds words where there are none."""

import zlib
from collections.abc import Sequence

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.words import TimedWord

_COMPRESSIBLE = 2.4
"""From how many times smaller a text becomes by compression it repeats itself: what Whisper's authors found."""

_MOST_PER_SECOND = 8.0
"""Words. People do not say as many."""

_MOST_ROUNDS, _ALIKE = 3, 0.6
"""How often people say a thing, and how long the shortest time of it takes, compared with the longest."""

_SHORTEST_WORD = int(0.1 * SAMPLE_RATE)
"""Samples, on average."""

_SLACK = int(0.5 * SAMPLE_RATE)
"""Samples by which words may be placed behind the audio's end."""


def repeats(words: Sequence[str]) -> bool:
    """Whether a hypothesis has got caught in a loop."""
    plain = _plain(words)
    text = " ".join(plain).encode()
    if len(text) > 40 and len(text) / len(zlib.compress(text)) > _COMPRESSIBLE:  # noqa: PLR2004 - see below
        # Zlib's own twenty bytes make the ratio of a short text meaningless.
        return True
    return any(_ends_twice(plain, length) for length in range(3, len(plain) // 2 + 1))


def _plain(words: Sequence[str]) -> list[str]:
    return [word.casefold().strip(".,!?-…") for word in words]


def _ends_twice(words: Sequence[str], length: int) -> bool:
    """Whether the last `length` words are the same as those before them."""
    return words[-length:] == words[-2 * length : -length]


def beyond(words: Sequence[TimedWord], samples: int) -> bool:
    """Whether words are where there is no audio any more, or more of them than can be said."""
    if not words:
        return False
    return words[-1].start > samples + _SLACK or len(words) > 2 + _MOST_PER_SECOND * samples / SAMPLE_RATE


def untangled(words: Sequence[TimedWord], samples: int) -> Sequence[TimedWord]:
    """What is left of a hypothesis, of which nothing better can be had, without its loop and what is beyond the audio.

    People do say a thing twice, and take as long for it the second time. Of a loop one round is left, or nothing where
    it is one from its first word on: that is what is made of noise.
    """
    words = [word for word in words if word.start <= samples]
    if beyond(words, samples):
        return ()
    plain = _plain([word.text for word in words])
    length = next((each for each in range(3, len(plain) // 2 + 1) if _ends_twice(plain, each)), 0)
    if not length:
        return () if repeats(plain) else words
    first = len(plain) - 2 * length
    while first > 0 and plain[first - 1] == plain[first - 1 + length]:
        first -= 1
    if _said_again(words[first:], length):
        return words
    return words[: first + length] if first else ()


def _said_again(words: Sequence[TimedWord], length: int) -> bool:
    """Whether rounds of so many words are few, and each takes about as long as the others."""
    rounds = [words[at : at + length] for at in range(0, len(words) - length + 1, length)]
    took = [each[-1].end - each[0].start for each in rounds]
    return len(rounds) <= _MOST_ROUNDS and min(took) >= _ALIKE * max(took) and min(took) >= length * _SHORTEST_WORD


def is_speech(score: float, no_speech: float, certainty: float = 1.0) -> bool:
    """Whether a hypothesis with this mean log-probability, in a window that is no speech so probably, is one.

    `certainty` is the probability of the language that was decoded.

    What Whisper base finds in fans, music, typing, coughs and crowds ("you", "I'm going to use the key.") scored -1.6
    to -5, no speech 0.34 to 0.93; a cough with a voice in it ("Hmm.") -1.5 and 0.49. What people said scored -0.1 to
    -1.3, the shortest least, and 0.2 at most.

    A hum has a voice, so it is no silence; but it is of no language. Hums ("mhm", "uh-huh", "ah") were heard as
    "Okay?", "Come on." or "Mom" with scores of -1.3 to -2.2 and certainties of 0.03 to 0.14. Single words ("no", "two")
    scored -0.4 to -1.5, and 0.41 to 0.98.
    """
    if no_speech > _NO_SPEECH and score < _UNSURE:
        return False
    if certainty < _NO_LANGUAGE and score < _UNSURE:
        return False
    return score >= _IMPROBABLE


_IMPROBABLE = -1.7
_NO_SPEECH, _UNSURE = 0.4, -1.0
_NO_LANGUAGE = 0.25
