"""What can be spoken of a written word: letters and numbers of any script, marks that guide the voice, named symbols.

Markdown, emoji, brackets and control characters are left out. Only what is known to be harmless is let through.
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

import unicodedata

_NAMED = frozenset("%&@+=$€£¥°×÷")
"""Symbols that are said by name, and should be, even alone."""
_SILENT = frozenset("'-–—/.,:;!?…。、，！？")
"""What guides the voice, or belongs inside a word ("it's", "3.5", "10:30")."""
_LET_THROUGH = _NAMED | _SILENT | {" "}
_REPLACED = str.maketrans({"’": "'", "‘": "'", "_": " ", "\N{MINUS SIGN}": "-"})


def speakable(word: str) -> str:
    """The word without what cannot be spoken; empty: nothing is left of it."""
    plain = unicodedata.normalize("NFC", word).translate(_REPLACED)
    return " ".join("".join(filter(_is_speakable, plain)).split())


def makes_sound(text: str) -> bool:
    """Whether a speakable text is heard: it holds a letter, a number, or a symbol that has a name."""
    return any(character.isalnum() or character in _NAMED for character in text)


def _is_speakable(character: str) -> bool:
    # Letters with their marks, and numbers, of any script.
    return character in _LET_THROUGH or unicodedata.category(character)[0] in "LMN"
