"""Finds out when each word of a script is spoken, from what eSpeak tells.

Its events do not match written words one to one: "2024" gives several, "l'été" may give one too few. A word starts with
the first event inside it; words without one are spread evenly between their neighbours.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from tts_proxy.engine import Word
from tts_proxy.engines.espeak.library import WordEvent
from tts_proxy.engines.espeak.script import ScriptWord


def aligned(words: Sequence[ScriptWord], events: Sequence[WordEvent], length_s: float) -> list[Word]:
    """The words with their times in a speech of `length_s` seconds: in order, each ending where the next one starts."""
    known = {0: 0.0}
    for index, word in enumerate(words):
        offsets = [event.offset_s for event in events if word.start <= event.position < word.stop]
        if offsets:
            known[index] = min(offsets)
    known[len(words)] = length_s
    bounds = np.interp(range(len(words) + 1), list(known), list(known.values()))
    # Where a language reorders what it says, a word may be heard before the one written before it.
    ordered = np.minimum(np.maximum.accumulate(bounds), length_s).tolist()
    return [Word(word.text, start, stop) for word, (start, stop) in zip(words, pairwise(ordered), strict=True)]
