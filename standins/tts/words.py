"""What the synthesis makes of text: words and pauses."""

import re
from typing import NamedTuple

from standins.wire import FRAME_S

_BREAK = re.compile(r'<break\s+time="([0-9]+(?:\.[0-9]+)?)s"\s*/>')
_LONGEST_BREAK_S = 10.0
_NORMAL = str.maketrans({"\N{RIGHT SINGLE QUOTATION MARK}": "'", "\N{EN DASH}": "", ":": " ", "(": "", ")": ""})


class Item(NamedTuple):
    """A word, or a pause, which has no text."""

    text: str
    frames: int


def items(text: str, word_frames: int) -> list[Item]:
    """The words and pauses of a text, in order."""
    found = []
    # Every other part is the length of a break.
    for number, part in enumerate(_BREAK.split(text)):
        if number % 2:
            found.append(Item("", round(min(float(part), _LONGEST_BREAK_S) / FRAME_S)))
        else:
            found += [Item(word, word_frames) for word in part.translate(_NORMAL).split()]
    return found
