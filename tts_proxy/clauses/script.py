"""Turns the words of a clause into the text an engine reads, and remembers which part of it is which word.

What cannot be spoken is left out (`tts_proxy.spoken`): eSpeak would speak the names of such symbols, and text that
is full of rare ones makes it overrun its buffers.
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

import re
from dataclasses import dataclass

from tts_proxy.clauses.splitting import Clause, Ending
from tts_proxy.spoken.readings import readings
from tts_proxy.spoken.words import makes_sound, speakable

_LEADING = re.compile(r"^(?:[-.](?!\d)|['–—/,:;!?…。、，！？])+")
"""Marks that mean nothing at the start of a word; some are said by name there."""
_LONG_PART = re.compile(r"\S{30}(?=\S)")
"""Longer words overrun eSpeak's buffers, so an engine is given them in parts. What is longer is hardly a word."""


@dataclass(frozen=True, slots=True)
class ScriptWord:
    """A word as it was written, and the characters of the script that say it: from `start` to before `stop`."""

    text: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Script:
    """What an engine reads. Without words there is nothing to say and the text is empty."""

    text: str
    words: tuple[ScriptWord, ...]


def script_of(clause: Clause, language: str = "") -> Script:
    """The script of a clause; words that make no sound are not among its words.

    `language` is the tag of the voice's, if the voice needs what `tts_proxy.spoken.readings` says of it.
    """
    text = ""
    words = []
    for written, read in zip(clause.words, readings(clause.words, language), strict=True):
        kept = speakable(read)
        spoken = _LONG_PART.sub(r"\g<0> ", _LEADING.sub("", kept))
        if makes_sound(spoken):
            start = len(text) + 1 if text else 0
            text += f" {spoken}" if text else spoken
            words.append(ScriptWord(written, start, len(text)))
        elif text:
            # A mark that stands alone, as in "Ça va ?", intones what is before it.
            text += kept[:1]
    if clause.ending is Ending.CUT and words:
        # Else the voice falls as at the end of a sentence.
        text += ","
    return Script(text, tuple(words))
