"""Marks that are for the eye alone: Markdown's, and HTML's ways of spelling."""

import html
import re

_ESCAPED = re.compile(r"\\([*_`~|#$&%.\-+!(){}\[\]<>])")
_STARS = re.compile(r"\*+")
_EDGE_LINES = re.compile(r"(?<![^\W_])_+|_+(?![^\W_])|~~")
_HIGHLIGHT = re.compile(r"^==(?=\w)|(?<=\w)==(?=\W*$)")
_INDEXED = re.compile(r"\w\[|\]\[|\[[\d,–-]+\]")  # noqa: RUF001 - a dash between numbers
_AUTOLINK = re.compile(r"<([a-z][a-z0-9+.-]*:[^\s<>]+|[^\s<>@]+@[^\s<>@]+)>", re.IGNORECASE)
_TARGET = re.compile(r"(?<=\])\((?:[^()\s]|\([^()\s]*\))*\)?")
_TAG = re.compile(
    r"(?<!`)</?(?:b|i|em|strong|u|s|a|code|mark|small|big|del|ins|kbd|span|sup|sub)(?:\s[^<>]*)?>", re.IGNORECASE
)


def unmarked(word: str) -> str:
    """Return a word as a reader sees it: "**bold**," → "bold,".

    Stars, lines and brackets stay inside of words and between numbers, where they mean something: `5*3`, `my_file`.
    """
    text = _AUTOLINK.sub(r"\1", html.unescape(_TAG.sub("", word)) if "&" in word or "<" in word else word)
    text = _ESCAPED.sub(lambda found: "" if found[1] in "*`~|" else found[1], text) if "\\" in text else text
    text = _TARGET.sub("", text.replace("`", ""))
    text = _STARS.sub(lambda found: found[0] if _multiplies(found) else "", text)
    text = _HIGHLIGHT.sub("", _EDGE_LINES.sub("", text))
    return text if _INDEXED.search(text) else text.replace("[", "").replace("]", "")


def _multiplies(stars: re.Match[str]) -> bool:
    """Whether stars stand between the parts of a formula."""
    text = stars.string
    before, after = text[: stars.start()], text[stars.end() :]
    if len(stars[0]) > 2 or not before or not after:  # noqa: PLR2004 - one multiplies, two raise
        return False
    if before[-1].isdigit() or before[-1] in ")]²³":
        return after[0].isalnum() or after[0] in "(√-"
    if not before[-1].isalpha() or not before[-1].isascii():
        return False
    alone = not before[-2:-1].isalpha()
    return after[0].isdigit() or (alone and (after[0] == "(" or (after[0].isalpha() and not after[1:2].isalpha())))
