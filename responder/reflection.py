"""Turns what a person says around, so that it can be said back to them: "my dog" becomes "your dog"."""

import re

_TURNED = {
    "i am": "you are",
    "i'm": "you are",
    "i was": "you were",
    "i've": "you have",
    "i'll": "you will",
    "i'd": "you would",
    "i": "you",
    "am i": "are you",
    "was i": "were you",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "we": "you",
    "us": "you",
    "our": "your",
    "ours": "yours",
    "you are": "I am",
    "you're": "I am",
    "you were": "I was",
    "you've": "I have",
    "you'll": "I will",
    "you'd": "I would",
    "are you": "am I",
    "were you": "was I",
    "your": "my",
    "yours": "mine",
    "yourself": "myself",
}
# "You" is an object at the end and after these words, and a subject elsewhere.
_BEFORE_OBJECT = "about|after|ask|at|for|from|gave|give|hate|hear|help|like|love|of|see|tell|thank|than|to|want|with"
_PAIRS = "|".join(sorted(_TURNED, key=len, reverse=True))
_TO_TURN = re.compile(
    rf"\b(?P<before>{_BEFORE_OBJECT}) you\b|\b(?P<object>you)$|\b(?P<pair>{_PAIRS})\b(?!')|\b(?P<subject>you)\b"
)


def reflect(words: str) -> str:
    """`words`, lower-case and without punctuation, as the other person would say them."""
    return _TO_TURN.sub(_turned, words)


def _turned(match: re.Match[str]) -> str:
    if match["before"]:
        return f"{match['before']} me"
    if match["object"]:
        return "me"
    if match["pair"]:
        return _TURNED[match["pair"]]
    return "I"
