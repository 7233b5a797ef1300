"""Hides credentials in what people are shown: in settings, in messages and in logs.

A credential is the user and the password of a URL, a parameter of a URL that is named like one (`key`, `token`, `sig`,
…), and a field of a JSON object, or a header, that is named like one.
"""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_NAMES = (
    r"[\w.-]*(?:api[_-]?key|subscription[_-]?key|access[_-]?key|private[_-]?key|token|secret|passw(?:or)?d|passphrase"
    r"|credentials?|authorization|authentication|signature|cookie|bearer)"
    r"|key|auth|sig|pass|pwd|jwt|sas|x-amz-[\w-]+"
)
_NAME = re.compile(_NAMES, re.IGNORECASE)
_NO_NAMES = frozenset(("max_token", "next_token", "first_token", "author"))
_USER = re.compile(r"(?<=://)[^\s/?#\"'<>]*@")
# A password may hold what a URL's may not: people paste them as they are.
_PASSWORD = re.compile(r"(?<=://)([^\s/?#:@\"'<>]*:[^\s\"'<>]*?)@(?=[\w.\[-]+(?::\d+)?(?:[/?#,\s\"'<>]|$))")
_BARE = re.compile(r"(?:^|(?<=[\"'=,\s]))[^\s/:@\"'=,]+:[^\s/@\"']+@(?=[\w.\[-]+[\]:/])")
"""A user and a password where the scheme was left out."""
_PARAMETER = re.compile(rf"(?<=[?&;])((?:{_NAMES}|code)=)[^&#;\s\"'<>]+", re.IGNORECASE)
_FIELD = re.compile(rf"([\"'](?:{_NAMES})[\"']\s*:\s*)(\"(?:[^\"\\]|\\.)*\"?|'[^']*'?)", re.IGNORECASE)
_BEARER = re.compile(r"\b(Bearer|Basic|ApiKey)\s+[\w.~+/=-]{8,}", re.IGNORECASE)


def masked(text: str) -> str:
    """Return a text with `***` in place of every credential in a URL, in a field of JSON or behind `Bearer`."""
    if "://" in text:
        text = _USER.sub(f"{MASK}@", _PASSWORD.sub(f"{MASK}@", text))
    if "@" in text:
        text = _BARE.sub(f"{MASK}@", text)
    if "=" in text:
        text = _PARAMETER.sub(rf"\g<1>{MASK}", text)
    if ":" in text:
        text = _FIELD.sub(rf'\g<1>"{MASK}"', text)
    return _BEARER.sub(rf"\g<1> {MASK}", text)


def masked_value(value: Any) -> Any:
    """Return a value of a setting, or of a log line, with its credentials masked: texts, lists and objects of them."""
    match value:
        case str():
            return masked(value)
        case Mapping():
            return {name: MASK if _hides(name, each) else masked_value(each) for name, each in value.items()}
        case list() | tuple():
            return type(value)(map(masked_value, value)) if type(value) in (list, tuple) else value
        case _:
            return value


def _hides(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, str | bytes | list | tuple) or not value:
        return False
    return _NAME.fullmatch(name) is not None and name.lower() not in _NO_NAMES
