"""What the processes of a mesh on this machine use: CPU time and memory, sampled while the test runs."""

import ipaddress
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import psutil

_CHILD_MODULE = "launcher.running.child"
"""How `parley up` starts its processes; the last word of their command line is the module of the process."""

_THOROUGH_EVERY = 10


@dataclass(slots=True)
class ProcessUse:
    """One process, with its descendants. `cpu_s` has an entry for each sample, counted from its start."""

    pid: int
    name: str
    cpu_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)


class ProcessSampler:
    """Samples these processes by id, and their descendants. One that has gone keeps its last figures."""

    def __init__(self, named: dict[int, str]) -> None:
        self.times: list[float] = []
        """The moments of the samples, as given to `sample`."""
        self.uses = [ProcessUse(pid, name) for pid, name in named.items()]
        self._families = {pid: _family(pid) for pid in named}
        self.memory_kind = "PSS" if hasattr(psutil.Process().memory_full_info(), "pss") else "RSS"

    def sample(self, now: float) -> None:
        """Take a sample of each process. Descendants, and memory, are looked up in every tenth: they cost more."""
        is_thorough = len(self.times) % _THOROUGH_EVERY == 0
        self.times.append(now)
        for use in self.uses:
            if is_thorough:
                self._families[use.pid] = _family(use.pid)
                use.memory_mb.append(sum(map(_memory, self._families[use.pid])) / (1 << 20))
            cpu_s = sum(map(_cpu_s, self._families[use.pid]))
            use.cpu_s.append(max(cpu_s, use.cpu_s[-1] if use.cpu_s else 0.0))

    def cpu_between(self, begin: float, end: float) -> dict[str, float]:
        """The CPU seconds of each process between the samples next to two moments, and their sum by name."""
        if not self.times:
            return {}
        first = min(range(len(self.times)), key=lambda each: abs(self.times[each] - begin))
        last = min(range(len(self.times)), key=lambda each: abs(self.times[each] - end))
        used: dict[str, float] = {}
        for use in self.uses:
            used[use.name] = used.get(use.name, 0.0) + use.cpu_s[last] - use.cpu_s[first]
        return used


def mesh_processes(port: int) -> dict[int, str]:
    """The processes of the `parley up` of which one listens on this port, by id. Empty: that cannot be known.

    A process that listens there and was started otherwise is all that is found.
    """
    owner = _listener(port)
    if owner is None:
        return {}
    with suppress(psutil.Error):
        parent = owner.parent()
        siblings = [each for each in parent.children() if _mesh_name(each)] if parent else []
        if owner in siblings:
            return _numbered(siblings)
    return {owner.pid: _name(owner)}


def named_processes(pids: Iterable[int]) -> dict[int, str]:
    """These processes by id. Raises `psutil.NoSuchProcess`."""
    return _numbered([psutil.Process(pid) for pid in pids])


def is_local(host: str) -> bool:
    """Whether a host is this machine, as far as its name or address shows."""
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None, proto=socket.IPPROTO_TCP)}
    except OSError:
        return False
    return all(ipaddress.ip_address(str(each).partition("%")[0]).is_loopback for each in found)


def own_cpu_s() -> float:
    """The CPU time of this process."""
    times = os.times()
    return times.user + times.system


def machine_busy(seconds: float = 1.0) -> float:
    """The share of all processors that is in use just now, measured for so long; blocks."""
    psutil.cpu_percent()
    time.sleep(seconds)
    return psutil.cpu_percent() / 100


def _listener(port: int) -> psutil.Process | None:
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    for each in connections:
        if each.status == psutil.CONN_LISTEN and each.laddr and each.laddr.port == port and each.pid:
            with suppress(psutil.Error):
                return psutil.Process(each.pid)
    return None


def _numbered(processes: Iterable[psutil.Process]) -> dict[int, str]:
    """Names by id, with numbers where several have the same."""
    found: dict[int, str] = {}
    seen: Counter[str] = Counter()
    for process in sorted(processes, key=lambda each: each.pid):
        name = _name(process)
        seen[name] += 1
        found[process.pid] = name if seen[name] == 1 else f"{name} {seen[name]}"
    return found


def _name(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return _mesh_name(process) or process.name()
    return str(process.pid)


def _mesh_name(process: psutil.Process) -> str | None:
    """What a child of `parley up` runs: "edge", "stt_proxy"; None: it is no such child."""
    with suppress(psutil.Error):
        command = process.cmdline()
        if _CHILD_MODULE in command and command[-1].endswith(".main"):
            return command[-1].removesuffix(".main")
    return None


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _cpu_s(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        times = process.cpu_times()
        return times.user + times.system
    return 0.0


def _memory(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        full = process.memory_full_info()
        return int(getattr(full, "pss", 0) or full.rss)
    return 0
