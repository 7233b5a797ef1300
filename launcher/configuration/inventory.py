"""All settings, each once, however many processes read it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from launcher.processes import PROCESSES, Process
from mesh.settings import Reading, SettingDescription, read

SHARED = "every process"
"""The title over settings that all processes read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A setting with its present value, and the processes that read it, the first of them its owner."""

    reading: Reading
    processes: tuple[str, ...]

    @property
    def setting(self) -> SettingDescription:
        """What it is."""
        return self.reading.setting

    @property
    def title(self) -> str:
        """Under what it is listed."""
        return SHARED if len(self.processes) == len(PROCESSES) else self.processes[0]

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
        """Its value as it is typed, a secret as "***"; None: it has none."""
        return written(self.reading.value, self.setting)


def inventory(environ: Mapping[str, str], processes: Iterable[Process] = PROCESSES) -> list[Entry]:
    """The settings that `processes` read: first those that all share, then each process's own, in their order."""
    wanted = {process.name for process in processes}
    found: dict[tuple[str, ...], tuple[Reading, list[str]]] = {}
    for process in PROCESSES:
        for reading in read(process.settings_type, environ):
            found.setdefault(reading.setting.env, (reading, []))[1].append(process.name)
    entries = [Entry(reading, tuple(readers)) for reading, readers in found.values() if wanted & {*readers}]
    return sorted(entries, key=lambda entry: entry.title != SHARED)


def written(value: Any, setting: SettingDescription) -> str | None:
    """A value as it is typed into a variable; None for no value."""
    if value is None or value in ("", ()):
        return None
    if setting.secret:
        return "***"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if not isinstance(value, Path) else value.as_posix()
