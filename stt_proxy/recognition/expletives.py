"""Expletives among recognised words.

Recognisers find them in noise and in words that they do not know, so nobody is shown one that may never have been said.
A word counts whatever the language of the stream is, because that is often unknown. So the list leaves out what is
an ordinary word of another language: "slut" in Danish, "fick" in Swedish, "puta" in Croatian.
"""

import re

_EXPLETIVE = re.compile(
    r"(mother)?fuck\w*"
    r"|(bull|horse)?shit(s|ty|ting|head|heads)?"
    r"|cunts?|assholes?|arseholes?|bitch(es|ing)?|wank(er|ers|ing)|twats?|whores?|faggots?|nigg(er|ers|as?)"
    r"|schei(ß|ss)\w*|arschl(o|ö)ch(er|ern|s)?|(ge)?fick(en|t)|fotzen?|hurens(ohn|öhne)|wichser"
    r"|putains?|merdes?|connard(e?s?)|enculée?s?|salopes?"
    r"|mierdas?|joder|coños?|gilipollas|cabr(ón|ones)|hijueputas?"
    r"|cazz[oi]|merda|vaffanculo|stronz[aeio]|puttan[ae]"
    r"|caralhos?|porra|foda(-se)?|foder|bucetas?"
    r"|klootzak(ken)?|godverdomme|kurw[aęyo]|skurwysyn"
    r"|бля(ть|дь|ди)|ху(й|я|е|ё)\w*|пизд\w*|[её]ба(ть|н\w*)"  # noqa: RUF001 - Cyrillic
)

_WORD = re.compile(r"\w[\w'\u2019-]*")


def is_expletive(word: str) -> bool:
    """Whether a word, without marks around it, is an expletive in any of the languages known here."""
    return _EXPLETIVE.fullmatch(word.casefold()) is not None


def masked(text: str) -> str:
    """A text in which only the first letter of each expletive is left, and an asterisk for each of the others."""
    return _WORD.sub(lambda found: _starred(found[0]) if is_expletive(found[0]) else found[0], text)


def _starred(word: str) -> str:
    return word[0] + "*" * (len(word) - 1)
