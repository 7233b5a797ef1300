"""What is said for one written word, in any language: letters and numbers of any script, and signs that have a name.

Emoji, brackets and control characters are left out. Only what is known to be harmless is let through: eSpeak would
speak the names of rare symbols, and text that is full of them makes it overrun its buffers.
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

import re
import unicodedata
from typing import Final

NAMED: Final = frozenset("%&@+=$€£¥₹₩°×÷<>≤≥≠≈±−√∞^²³§")
"""Signs that are said by name, and should be, even alone."""
PAUSES: Final = frozenset(".,:;!?…。、，！？；：؟،؛।॥།።፣፤၊။។։")
"""Marks that guide the voice."""
_JOINERS = frozenset("'-–—/")
"""What belongs inside a word ("it's", "3-5", "and/or")."""
_LET_THROUGH = NAMED | PAUSES | _JOINERS | {" "}
_EDGES = "\"'“”‘’«»„‚()[]{}.,:;!?…*_~`。、，！？；：「」『』（）【】"
"""What may stand around a word."""

_REPLACED = str.maketrans({
    **dict.fromkeys("’‘‚", "'"),
    **dict.fromkeys("_\\|•·→⇒←↔➜", " "),
    # What makes an emoji of a digit, or one picture of several.
    **dict.fromkeys("\ufe0f\ufe0e\u20e3\u200d\u200b\u2060\ufeff\u00ad", None),
})  # fmt: skip
_EMOTICON = re.compile(r"[:;=8xX][-o^']?[)(\[\]DPpOo3|/\\*]+|<3+|</3|[xX]D+|\^_+\^|[oO]_[oO]|-_+-|:'\(|¯\\_\(ツ\)_/¯")

_RUN = re.compile(r"[-=_*~#+]{4,}")
"""A line that is drawn."""
_ADDRESS = re.compile(r"(?:[a-z][a-z0-9+.-]*://|mailto:|www\.)(?:www\.)?(?P<host>[^\s/?#<>]+)\S*", re.IGNORECASE)
_DOMAIN = re.compile(r"(?P<host>(?:[\w-]+\.)+[a-z]{2,})(?P<path>/\S*)", re.IGNORECASE)
_LONGEST_PATH = 20
_READ_DIFFERENTLY = (
    (re.compile(r"(?<=\w)\((e?s)\)"), r"\1"),  # file(s)
    (re.compile(r"\*\*2(?!\d)|\^2(?!\d)"), "²"),
    (re.compile(r"\*\*3(?!\d)|\^3(?!\d)"), "³"),
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"\*"), "×"),
    (re.compile(r"<=(?!>)|=<"), "≤"),
    (re.compile(r">="), "≥"),
    (re.compile(r"!==?|=/=|<>"), "≠"),
    (re.compile(r"={2,3}"), "="),
    (re.compile(r"\+/-"), "±"),
    (re.compile(r"[<=-]*[-=]+>|<-+"), " "),  # arrows
    (re.compile(r"(?<!\w)~(?=\d)"), "≈"),
    (re.compile(r"(?<![\w&])([A-GJ])#(?!\w)"), r"\1 sharp"),
    (re.compile(r"^\.NET\b"), "dot NET"),
    (re.compile(r"(?<!\w)−(?=\d)"), "-"),
    (re.compile(r"[\[\](){}]+(?=\w)"), " "),
    (re.compile(r"-{2,}"), "—"),
    (re.compile(r"&&"), "&"),
)
"""What is said in place of a spelling, in the order in which it is looked for."""
_CIRCLED = re.compile(r"[①-⓿❶-➓]")
_COMPARED = re.compile(r"(?<=[\w)²³])[<>≤≥≠](?=[\w(√-])|^[<>≤≥≈≠](?=[\d.])")


def said(word: str) -> str:
    """Return what a voice is given for a word without marks; empty if there is nothing in it to say, nor to intone."""
    if _EMOTICON.fullmatch(word.strip(".,!?") or " ") or _EMOTICON.fullmatch(word):
        return ""
    if _RUN.fullmatch(word):
        return ""
    text = unicodedata.normalize("NFC", word)
    body = text.strip(_EDGES + "<>")
    if address := _ADDRESS.fullmatch(body):
        text = text.replace(body, address["host"].rstrip(_EDGES))
    elif (domain := _DOMAIN.fullmatch(body)) and (len(domain["path"]) > _LONGEST_PATH or set("?=%&#") & set(body)):
        text = text.replace(body, domain["host"])
    text = _CIRCLED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)
    for pattern, replacement in _READ_DIFFERENTLY:
        text = pattern.sub(replacement, text)
    return speakable(_without_loose_signs(text), more="#")


def speakable(text: str, *, more: str = "") -> str:
    """The text without what cannot be spoken; empty: nothing is left of it. `more` are characters to keep."""
    plain = unicodedata.normalize("NFC", text).translate(_REPLACED)
    kept = (each for each in plain if each in _LET_THROUGH or each in more or unicodedata.category(each)[0] in "LMN")
    return " ".join("".join(kept).split())


def makes_sound(text: str) -> bool:
    """Whether a speakable text is heard: it holds a letter, a number, or a sign that has a name."""
    return any(character.isalnum() or character in NAMED for character in text)


def is_operand(text: str) -> bool:
    """Whether a formula's sign may stand beside this: a number, a letter, something in brackets."""
    bare = text.strip("*_`").rstrip(".,;:!?")
    return bool(re.fullmatch(r"[-−+]?[\d.,]*\d[%²³°]?[a-zA-Z]?|[a-zA-Zπ][²³]?|\w*\(.*|.*\)", bare))


def is_number(text: str) -> bool:
    """Whether this is a number, whatever marks are around it."""
    return bool(re.fullmatch(r"[-−+]?[\d.,]*\d", text.strip("*_`").rstrip(".,;:!?")))


def _without_loose_signs(text: str) -> str:
    """Drop angle brackets, number signs and the like that are around something instead of between."""
    if text.strip("*_`.,:;!?") in {"<", ">", "≤", "≥", "≠", "≈", "^", "="}:
        return text
    pairs = "<" in text and ">" in text
    kept = frozenset() if pairs else frozenset(found.start() for found in _COMPARED.finditer(text))
    result = "".join(each if each not in "<>" or index in kept else " " for index, each in enumerate(text)).strip()
    result = re.sub(r"#(?!\d)|(?<=\w)#", "", result)
    return re.sub(r"\^(?!\w)|(?<![\w)])\^", "", result)
