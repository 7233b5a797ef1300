"""What of a text spans several words and is not spoken as it stands: tags, formulas, targets of links, directions.

Each rule looks at a text that begins inside the word that is decided about. It says where its span ends and what is
said in its place; or that more must come first; or that it is none. The answer does not depend on how much came, once
it is given: each rule looks at a window of a certain length, and no further.
"""
# ruff: noqa: RUF001, SIM905 - brackets of other scripts are among them

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tts_proxy.spoken.directions import LONGEST, OPENINGS, is_direction, may_become_direction
from tts_proxy.spoken.mathematics import plain_formula


@dataclass(frozen=True, slots=True)
class Span:
    """It ends before the character `stop` of the text, and `replacement` is written instead of it.

    `is_mark`: it is part of how its word was written.
    """

    stop: int
    replacement: str
    is_mark: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    """More must come."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a rule looks: at `start` of the text. `at_clause`: a clause may begin here. `finished`: no more comes."""

    text: str
    start: int
    at_clause: bool
    finished: bool

    def window(self, length: int, *, ends: str = "") -> tuple[str, bool]:
        """At most so many characters, up to the first of `ends`; and whether more of them may come."""
        window = self.text[self.start : self.start + length]
        for end in filter(None, ends.split("|")):
            window, found, _ = window.partition(end)
            if found:
                return window, False
        return window, len(window) < length and not self.finished


Rule = Callable[[Place], Span | Wait | None]

# --- tags of HTML, SSML and their like --------------------------------------------------------------------------------

_INLINE = frozenset("b i em strong u s a span code mark small big del ins font tt kbd emphasis prosody w sub".split())
"""Tags that may stand within a word."""
_TAGS = (
    "abbr acronym audio blockquote body br button center cite dd details div dl dt figure footer form h1 h2 h3 h4 h5 "
    "h6 head header hr html iframe img input label li main meta nav ol p path pre q samp script section strike style "
    "summary sup svg table tbody td th thead title tr ul var video wbr "
    # SSML
    "break say-as phoneme speak voice lang paragraph sentence token lexicon "
    # What some models write for their voices, or of themselves
    "laugh laughs laughter chuckle sigh cough sniffle groan yawn gasp pause silence whisper think tool_call"
).split()
_NAMES = "|".join(map(re.escape, sorted({*_TAGS, *_INLINE}, key=len, reverse=True)))
_VALUES = r"""(?:\s+[\w:.@-]+\s*=\s*(?:"[^"<>]*"|'[^'<>]*'|[^\s"'<>]+))"""
_TAG = re.compile(
    rf"<(?:/[a-zA-Z][\w:-]*\s*|(?:{_NAMES})(?:{_VALUES})*\s*/?|[a-zA-Z][\w:-]*(?:{_VALUES}+\s*/?|\s*/))>|<![a-zA-Z\[][^<>]*>|<\|[\w.-]+\|>"
    r"|<\?[^<>]*>",
    re.IGNORECASE,
)
_BEGUN_TAG = re.compile(
    rf"""<(?:[?!][^<>]*|/[a-zA-Z][\w:-]*\s*|[a-zA-Z][\w:-]*{_VALUES}*(?:\s*/|\s+(?:[\w:.@-]+(?:\s*=\s*(?:"[^"<>]*|'[^'<>]*)?)?)?)?)$"""
)
_TAG_NAME = re.compile(r"<(/?)([a-zA-Z][\w:-]*)")
_LONGEST_TAG: Final = 300
_NEW_LINES = frozenset("br p div li tr h1 h2 h3 h4 h5 h6 hr ul ol table blockquote section".split())


def tag(place: Place) -> Span | Wait | None:
    """`<break time="1s"/>`, `</b>`; not `a <b and c> d`, nor one that is quoted as code."""
    if place.text[max(0, place.start - 1) : place.start] == "`":
        return None
    window, may_grow = place.window(_LONGEST_TAG, ends="\n\n")
    if found := _TAG.match(window):
        replacement = _in_place_of(found[0])
        return Span(place.start + found.end(), replacement, is_mark=not replacement)
    return Wait() if may_grow and _BEGUN_TAG.match(window) else None


def _in_place_of(found: str) -> str:
    named = _TAG_NAME.match(found)
    name = named[2].lower() if named else ""
    if name == "sup":
        return "" if named and named[1] else "^"
    if name in _NEW_LINES:
        return "\n"
    return "" if name in _INLINE else " "


# --- formulas ---------------------------------------------------------------------------------------------------------

_LONGEST_FORMULA: Final = 300
_FORMULA_ENDS = {"\\(": "\\)", "\\[": "\\]", "$$": "$$"}
_AMOUNT = re.compile(r"\$[\d.,]*\d")
_CALCULATION = re.compile(r"\s*[-+=*^<>\\×_]|[a-zA-Z]?\$(?!\w)|[a-zA-Z](?=[-+=*^\\])")
_FORMULA_START = re.compile(r"\$(?:[a-zA-Z\\(\[{|+-]|$)")
_UNDECIDED = re.compile(r"\s*|[a-zA-Z.,]")
_FORMULA = re.compile(r"\$(?=\S)([^$]*[^\s$\\])\$(?!\w)")


def formula(place: Place) -> Span | Wait | None:
    r"""`\(x^2\)`, `$x^2$`; not "$5 and $7"."""
    opening = next((each for each in _FORMULA_ENDS if place.text.startswith(each, place.start)), "$")
    if opening == "$":
        return _between_dollars(place)
    window, may_grow = place.window(_LONGEST_FORMULA)
    stop = window.find(_FORMULA_ENDS[opening], len(opening))
    if stop < 0:
        return Wait() if may_grow else None
    return Span(place.start + stop + 2, plain_formula(window[2:stop]))


def _between_dollars(place: Place) -> Span | Wait | None:
    window, may_grow = place.window(_LONGEST_FORMULA, ends="\n|. |? |! |, ")
    if amount := _AMOUNT.match(window):
        # An amount is decided by what follows it, whatever comes later: so a text may come in any pieces.
        rest = window[amount.end() :]
        if may_grow and _UNDECIDED.fullmatch(rest):
            return Wait()
        if rest.strip() and not _CALCULATION.match(rest):
            return None
    elif not _FORMULA_START.match(window):
        return None
    if found := _FORMULA.match(window):
        return Span(place.start + found.end(), plain_formula(found[1]))
    return Wait() if may_grow and window.count("$") == 1 else None


# --- links and notes --------------------------------------------------------------------------------------------------

_TARGET = re.compile(r"\]\(\s*(?:[^()\s]|\([^()\s]*\))*(?:\s+(?:\"[^\"\n]*\"|'[^'\n]*'))?\s*\)")
_BEGUN_TARGET = re.compile(r"\]\(\s*(?:[^()\s]|\([^()\s]*\))*(?:\s+(?:\"[^\"\n]*|'[^'\n]*)?)?$")
_BROKEN_TARGET = re.compile(r"\]\([^\s]*")
_LONGEST_TARGET: Final = 500
_NOTES = re.compile(r"\[\^[^\]\s]*\]|【[^】\s]*†[^】\s]*】|(?<=[^\W\d_])\]\[[^\]\s]*\]")
_CITATION = re.compile(r"(?:\[\d{1,3}(?:[,–-]\d{1,3})*\])+(?=[.,;:!?]*(?:\s|$))")
_CITED = re.compile(r"[^\W\d_]{4}$|[.!?]$")


def target(place: Place) -> Span | Wait | None:
    """Where a link leads: `](https://example.com "title")`."""
    window, may_grow = place.window(_LONGEST_TARGET, ends="\n")
    if found := _TARGET.match(window):
        return Span(place.start + found.end(), "", is_mark=True)
    if may_grow and _BEGUN_TARGET.match(window):
        return Wait()
    found = _BROKEN_TARGET.match(window)
    return Span(place.start + found.end(), "", is_mark=True) if found else None


def note(place: Place) -> Span | Wait | None:
    """`[^1]`, `【4†source】`, the `[ref]` of `[text][ref]`, and `[1]` right after a word or the end of a sentence."""
    if found := _NOTES.match(place.text, place.start):
        return Span(found.end(), "", is_mark=True)
    found = _CITATION.match(place.text, place.start)
    return Span(found.end(), "", is_mark=True) if found and _CITED.search(place.text[: place.start]) else None


# --- stage directions -------------------------------------------------------------------------------------------------


def direction(place: Place) -> Span | Wait | None:
    """`*sighs*`, `(laughs softly)`."""
    opening = place.text[place.start]
    run = len(place.text[place.start :]) - len(place.text[place.start :].lstrip(opening)) if opening in "*_" else 1
    end = OPENINGS[opening] * run
    if place.start and (place.text[place.start - 1].isalnum() or place.text[place.start - 1] == opening):
        return None
    window, may_grow = place.window(LONGEST + 2 * run, ends="\n")
    stressed = opening in "*_" and not place.at_clause
    stop = window.find(end, run)
    if stop < 0:
        begun = not window[run:] or may_become_direction(window[run:], stressed=stressed)
        return Wait() if may_grow and begun else None
    if window[stop + run : stop + run + 1] == "(" or not is_direction(window[run:stop], stressed=stressed):
        return None
    return Span(place.start + stop + run, "")


RULES: Final[dict[str, tuple[Rule, ...]]] = {
    "<": (tag,),
    "$": (formula,),
    "\\": (formula,),
    "]": (target, note),
    "[": (note, direction),
    "【": (note, direction),
    **dict.fromkeys("*_(（［", (direction,)),
}
"""The rules for each character that a span may begin with."""
