"""The table of texts: what must be heard of each, and what must not; and what a voice of this machine is given.

`texts.tsv` has a line for each text. Line breaks are written as in Python. Phrases are separated by ";", and what may
be heard for one of them by "|".
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tts_proxy.spoken.readings import readings
from tts_proxy.spoken.text import SpokenText
from tts_proxy.spoken.words import speakable

_TABLE = Path(__file__).with_name("texts.tsv")
_MARKS = re.compile(r"[^\w\s%&@+=$€£¥₹°<>÷^.:/'-]|[.,:]+(?!\d)|(?<!\d)[:/]|[-–—](?!\w)|(?<!\w)'|'(?!\w)")


@dataclass(frozen=True)
class Row:
    """A text in a language. All phrases of `heard` must be heard, each in one of its forms; none of `unheard`."""

    language: str
    text: str
    heard: tuple[tuple[str, ...], ...]
    unheard: tuple[str, ...]

    @property
    def voice(self) -> str:
        """The voice of the engine `local` that speaks it; empty: hibari's."""
        return "" if self.language == "en" else self.language

    def missed(self, transcript: str) -> list[str]:
        """Return the phrases that are not in what was heard."""
        found = _padded(transcript)
        return [forms[0] for forms in self.heard if not any(_padded(form) in found for form in forms)]

    def too_much(self, transcript: str) -> list[str]:
        """Return the words that must not be heard, and were."""
        found = _padded(transcript)
        return [word for word in self.unheard if _padded(word) in found]


def rows() -> Iterator[Row]:
    """Yield the table."""
    for line in _TABLE.read_text().splitlines()[1:]:
        language, text, heard, unheard = line.split("\t")
        text = re.sub(r"\\([\\n])", lambda found: "\n" if found[1] == "n" else "\\", text)
        yield Row(language, text, tuple(_forms(each) for each in _phrases(heard)), tuple(_phrases(unheard)))


def given(text: str, language: str) -> str:
    """Return what a voice of this machine is given to read."""
    spoken = SpokenText()
    words = [word for each in (*spoken.feed(text), *spoken.finish()) for word in each.said.split()]
    return " ".join(filter(None, map(speakable, readings(words, language))))


def _phrases(cell: str) -> list[str]:
    return [phrase.strip() for phrase in cell.split(";") if phrase.strip()]


def _forms(phrase: str) -> tuple[str, ...]:
    return tuple(form.strip() for form in phrase.split("|"))


def _padded(text: str) -> str:
    """In one way of writing, with a blank around each word."""
    plain = unicodedata.normalize("NFC", text).lower().replace("’", "'")
    words = _MARKS.sub(" ", re.sub(r"(?<=\d),(?=\d{3})", "", plain)).split()
    return f" {' '.join(words)} "
