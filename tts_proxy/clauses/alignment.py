"""Finds out when each word of a script is spoken, from where the engine says that words begin.

The words of an engine are not the written ones: "2024" gives several, "l'été" may give one too few. A written word
starts with the first start inside it; words without one are spread evenly between their neighbours.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tts_proxy.clauses.script import ScriptWord
from tts_proxy.engine import Word


class WordStart(NamedTuple):
    """Where a word, or what an engine takes for one, begins."""

    position: int
    """In the text: characters from its start."""
    offset_s: float
    """In the speech."""


def aligned(words: Sequence[ScriptWord], starts: Sequence[WordStart], length_s: float) -> list[Word]:
    """The words with their times in a speech of `length_s` seconds: in order, each ending where the next one starts."""
    known = {0: 0.0}
    for index, word in enumerate(words):
        offsets = [start.offset_s for start in starts if word.start <= start.position < word.stop]
        if offsets:
            known[index] = min(offsets)
    known[len(words)] = length_s
    bounds = np.interp(range(len(words) + 1), list(known), list(known.values()))
    # Where a language reorders what it says, a word may be heard before the one written before it.
    ordered = np.minimum(np.maximum.accumulate(bounds), length_s).tolist()
    return [Word(word.text, start, stop) for word, (start, stop) in zip(words, pairwise(ordered), strict=True)]
