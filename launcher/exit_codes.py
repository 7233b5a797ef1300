"""How a command can end: one list for all of them, so that a script need not look up which command it has run."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """What the shell is told."""

    meaning: str
    """In general; the help of a command says what it means there."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """A member, its number and its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "it did what it was asked"
    FAILED = 1, "it could not; the last lines say why, and what to do next"
    USAGE = 2, "wrong usage, or a file that cannot be used"
    NO_REPLY = 3, "the mesh was reached, but no reply came in time"
    MISSING_PACKAGES = 78, "packages are not installed, so trying again will not help"  # EX_CONFIG of sysexits.h
    INTERRUPTED = 130, "Ctrl-C"  # as shells say it: 128, and the signal's number
