"""Text in small pieces, as language models give it: parts of words, a space in front of what starts a word."""

import re

_TOKEN = re.compile(r"\s*(?:\w{1,6}|[^\w\s]+)|\s+$")


def tokens(text: str) -> list[str]:
    """The pieces of `text`, which they give back when joined. A piece holds at most six letters."""
    return _TOKEN.findall(text)
