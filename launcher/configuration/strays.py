"""Variables that look as if they were meant for Parley and are read by none of its processes."""

import difflib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from launcher.processes import PROCESSES

_PREFIXES = ("PARLEY_", "KYUTAI_")

_ALIKE = 0.75
"""How alike two names must be for one to be taken for a slip of the other; "PARLEY_STT_WORKER" is 0.97."""

_CERTAINLY_ALIKE = 0.92
"""The same for a name without our prefix, which is probably somebody else's: "PARLY_STT_WORKERS" is 0.97."""


class Stray(NamedTuple):
    """A variable that does nothing, and the setting it may have been meant for."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        guess = f"; did you mean {self.meant}?" if self.meant else ""
        return f"{self.name} is no setting{guess}"


def strays(environ: Mapping[str, str]) -> list[Stray]:
    """Every such variable, in the order of their names."""
    known = {variable for process in PROCESSES for each in process.own_settings() for variable in each.env}
    return list(_strays(sorted(environ.keys() - known), sorted(known)))


def _strays(names: list[str], known: list[str]) -> Iterator[Stray]:
    for name in names:
        ours = name.startswith(_PREFIXES)
        alike = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_ALIKE if ours else _CERTAINLY_ALIKE)
        if ours or alike:
            yield Stray(name, alike[0] if alike else None)
