"""The languages that Whisper knows, by the codes of its vocabulary."""

from typing import Final

CODES: Final = frozenset(
    "en zh de es ru ko fr ja pt tr pl ca nl ar sv it id hi fi vi he uk el ms cs ro da hu ta no th ur hr bg lt la mi ml cy "
    "sk te fa lv bn sr az sl kn et mk br eu is hy ne mn bs kk sq sw gl mr pa si km sn yo so af oc ka be tg sd gu am yi lo "
    "uz fo ht ps tk nn mt sa lb my bo tl mg as tt haw ln ha ba jw su".split()
)

_ALSO: Final = {"nb": "no", "jv": "jw", "iw": "he", "in": "id", "fil": "tl", "cmn": "zh", "yue": "zh", "arb": "ar"}
"""Codes of the registry of subtags that Whisper calls otherwise."""


def name_of(tag: str) -> str | None:
    """Whisper's code for a BCP 47 tag, whatever its region and script; empty for an empty tag, None: unknown."""
    primary = tag.replace("_", "-").partition("-")[0].lower()
    code = _ALSO.get(primary, primary)
    return code if code in CODES or not code else None
