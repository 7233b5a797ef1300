"""How scripts mark the ends of sentences and clauses, and what of a text can be spoken before the rest is there."""
# ruff: noqa: RUF001 - the marks of many scripts are what this is about

import re
from typing import Final

SENTENCE_MARKS: Final = frozenset("!?…。！？｡؟۔।॥։።፧။។៕།")
"""What ends a sentence, the full stop apart, in this order: Latin, Chinese and Japanese, Arabic and Urdu, Devanagari
and its relatives, Armenian, Ethiopic, Burmese, Khmer, Tibetan."""
CLAUSE_MARKS: Final = frozenset(",;:–—，；：、､،؛՝፣፤፥၊")
"""What ends a clause, by the same scripts."""

_SENTENCE_ENDS = (SENTENCE_MARKS | {"."}) - {"…"}
_CLOSING = "」』）】》〉〕”’\"'»)]}"
"""What may stand after the mark that ends a sentence or a part."""
_UNSPACED_MARKS = "。！？｡，；：、､၊။།।॥።។؟۔"
"""Marks after which a script writes no space, or not always, and which never stand inside of a word."""
_CHARACTERS = "\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Of Chinese and Japanese: each is a syllable or more."""
LONGEST_RUN: Final = 10
"""Characters of Chinese or Japanese, about as long to hear as five words, that may stand without a mark in one part."""

_CHARACTER = re.compile(f"[{_CHARACTERS}]")
# A mark between digits belongs to their number.
_END_OF_PART = re.compile(rf"(?:(?<!\d)[{_UNSPACED_MARKS}]|[{_UNSPACED_MARKS}](?!\d))+[{re.escape(_CLOSING)}]*")


def ends_sentence(word: str) -> bool:
    """Whether a word ends a sentence, also before closing quotes and brackets. An ellipsis does not."""
    bare = word.rstrip(_CLOSING)
    return bare[-1:] in _SENTENCE_ENDS and not bare.endswith("...")


def characters_in(word: str) -> int:
    """Return how many characters of Chinese and Japanese a word has."""
    return len(_CHARACTER.findall(word))


def parts_of(word: str) -> list[str]:
    """Cut a word where one may pause in it although no space is there; joined, the parts are the word.

    That is after the marks of scripts that write no spaces, with the quotes and brackets they close, and after
    `LONGEST_RUN` characters of Chinese or Japanese without a mark. Only the last part depends on what follows the word.
    """
    parts, start, at, run = [], 0, 0, 0
    while at < len(word):
        if found := _END_OF_PART.match(word, at):
            at = found.end()
            parts.append(word[start:at])
            start, run = at, 0
            continue
        if _CHARACTER.match(word, at):
            if run == LONGEST_RUN:
                parts.append(word[start:at])
                start, run = at, 0
            run += 1
        at += 1
    return [*parts, word[start:]] if start < len(word) else parts
