"""How many streams a machine keeps up with, by what one decoding takes on it."""

import math
from typing import NamedTuple

_SHARE = 0.55
"""The share of the processors that decodings may take. A person talks for a third of a conversation, and a stream of
speech takes about two decodings a second."""

_MOST_PER_PROCESSOR = 2

_LONG = 1.6
"""How much longer a decoding of 8 s takes than one of 3 s."""

_AHEAD_S = 0.3
"""How long before the flush the last decoding of an utterance begins."""

_LEAST_LIMIT_S, _MOST_LIMIT_S = 1.0, 5.0
"""The bounds of the flush limit that callers get."""


class Capacity(NamedTuple):
    """How many streams there may be, and within how many seconds a flush is answered then."""

    streams: int
    flush_limit_s: float


def capacity(took_s: float, width: int, streams: int = 0) -> Capacity:
    """What is kept up with, if a window with 3 s of speech takes so long while `width` are decoded at once.

    `streams` is the operator's setting; 0: none.
    """
    streams = streams or min(_MOST_PER_PROCESSOR * width, max(1, int(_SHARE * width / took_s)))
    # When all fall silent together, and a processor each has just begun with something else.
    rounds = math.ceil(streams / width) * _LONG + (1 if streams >= width else 0)
    limit_s = min(_MOST_LIMIT_S, max(_LEAST_LIMIT_S, rounds * took_s - _AHEAD_S))
    return Capacity(streams, math.ceil(10 * limit_s) / 10)
