"""Every setting of every process, each once, and the variables that are no setting."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from launcher.processes import PROCESSES, Process
from mesh.settings import Reading, SettingDescription, read
from mesh.settings.renamed import RENAMED
from mesh.text.masking import MASK, masked_value

SHARED = "every process"
"""The title over settings that all processes read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting with its present value, and the processes that read it, the first of them its owner."""

    reading: Reading
    processes: tuple[str, ...]
    engines: tuple[str, ...] = ()
    """The engines that read it, where the processes themselves do not."""

    @property
    def setting(self) -> SettingDescription:
        """What it is."""
        return self.reading.setting

    @property
    def title(self) -> str:
        """Under what it is listed."""
        if len(self.processes) == len(PROCESSES):
            return SHARED
        return f"{self.processes[0]}: {' and '.join(self.engines)}" if self.engines else self.processes[0]

    @property
    def variable(self) -> str:
        """The variable to set: the one in use, or else the first."""
        return self.reading.source or self.setting.env[0]

    @property
    def changed(self) -> bool:
        """Whether a variable makes it differ from its default, or tries to."""
        return self.reading.fault is not None or self.value != self.default

    @property
    def default(self) -> str | None:
        """Its default as it is typed; None: there is none."""
        return None if self.setting.default is msgspec.NODEFAULT else written(self.setting.default, self.setting)

    @property
    def value(self) -> str | None:
        """Its value as it is typed, a secret, and credentials in it, as "***"; None: it has none."""
        return written(self.reading.value, self.setting)

    @property
    def hides(self) -> bool:
        """Whether `value` is not all of it, because of credentials."""
        value = self.reading.value
        return self.setting.secret or masked_value(value) != value


def inventory(environ: Mapping[str, str], processes: Iterable[Process] = PROCESSES) -> list[Entry]:
    """The settings that `processes` and their engines read: first those that all share, then each process's own."""
    wanted = {process.name for process in processes}
    found: dict[tuple[str, ...], _Readers] = {}
    for process in PROCESSES:
        for engine, reading in _readings(process, environ):
            found.setdefault(reading.setting.env, _Readers(reading, {}, {})).add(process.name, engine)
    entries = [each.entry() for each in found.values() if wanted & {*each.processes}]
    return sorted(entries, key=lambda entry: entry.title != SHARED)


class _Readers(NamedTuple):
    """A setting, and the names of its readers in the order in which they were found."""

    reading: Reading
    processes: dict[str, None]
    engines: dict[str, None]

    def add(self, process: str, engine: str | None) -> None:
        self.processes[process] = None
        if engine:
            self.engines[engine] = None

    def entry(self) -> Entry:
        return Entry(self.reading, tuple(self.processes), tuple(self.engines))


def _readings(process: Process, environ: Mapping[str, str]) -> Iterator[tuple[str | None, Reading]]:
    """What `environ` makes of a process's settings and of its engines', each with the engine's name."""
    group = process.engines
    for reading in read(process.settings_type, environ):
        fault = reading.fault
        if group is not None and group.variable in reading.setting.env:
            fault = fault or group.name_fault(environ)
        yield None, reading._replace(fault=fault)
    if group is not None:
        for engine, readings in group.readings(environ).items():
            for reading in readings:
                yield engine, reading


def written(value: Any, setting: SettingDescription) -> str | None:
    """A value as it is typed into a variable; None for no value."""
    if value is None or value in ("", ()):
        return None
    if setting.secret:
        return MASK
    value = masked_value(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if not isinstance(value, Path) else value.as_posix()


_PREFIXES = ("PARLEY_", "KYUTAI_")

_ALIKE = 0.75
"""How alike two names must be for one to be taken for a slip of the other; "PARLEY_STT_POCKETSPHINX_WORKER" is 0.97."""

_CERTAINLY_ALIKE = 0.92
"""The same for a name without our prefix, which probably belongs to another program: "PARLY_STT_WORKERS" is 0.97."""


class UnknownVariable(NamedTuple):
    """A variable that does nothing, and the setting it may have been meant for."""

    name: str
    meant: str | None

    def __str__(self) -> str:
        guess = f"; did you mean {self.meant}?" if self.meant else ""
        return f"{self.name} is no setting{guess}"


def unknown_variables(environ: Mapping[str, str]) -> list[UnknownVariable]:
    """Every such variable, in the order of their names."""
    known = {variable for process in PROCESSES for each in process.own_settings() for variable in each.env}
    environ = {name: value for name, value in environ.items() if name not in RENAMED}
    return list(_unknown(sorted(environ.keys() - known), sorted(known | RENAMED.keys())))


def _unknown(names: list[str], known: list[str]) -> Iterator[UnknownVariable]:
    for name in names:
        ours = name.startswith(_PREFIXES)
        alike = difflib.get_close_matches(name.upper(), known, n=1, cutoff=_ALIKE if ours else _CERTAINLY_ALIKE)
        if ours or alike:
            yield UnknownVariable(name, RENAMED.get(alike[0], alike[0]) if alike else None)
