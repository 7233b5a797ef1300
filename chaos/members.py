"""One replica of the mesh: a real process that is started again when it ends, the link in front of it, and its faults.

A process is hit by its process id only, and it is always one that was started here.
"""

import asyncio
import os
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from chaos.link import DirectLink, Link
from launcher.running.probes import grpc_serving, http_json
from launcher.running.process import started

HOST = "127.0.0.1"

LATENCY_S = 0.3
"""By how much `Fault.LATENCY` delays each direction."""

_PROBED_EVERY_S = 0.1
_LINES_KEPT = 5_000


class Victim(StrEnum):
    """A kind of process that can be hit."""

    STT_PROXY = "stt-proxy"
    TTS_PROXY = "tts-proxy"
    VOICE_SERVICE = "voice-service"
    ORCHESTRATOR = "orchestrator"
    EDGE = "edge"
    STT_ENGINE = "stt-engine"
    TTS_ENGINE = "tts-engine"
    LLM = "llm"

    @property
    def is_engine(self) -> bool:
        """Whether it is a stand-in for somebody else's server."""
        return self in {Victim.STT_ENGINE, Victim.TTS_ENGINE, Victim.LLM}


class Fault(StrEnum):
    """What happens to a process, or to the network in front of it."""

    NONE = "none"
    """Nothing: the control."""
    KILL = "kill"
    """SIGKILL."""
    STOP = "stop"
    """SIGSTOP, and later SIGCONT."""
    TERM = "term"
    """SIGTERM: a planned stop."""
    PARTITION = "partition"
    """No byte in either direction; connections stay half-open, and new ones hang."""
    CUT = "cut"
    """Every connection is reset. New ones work."""
    LATENCY = "latency"
    """Each direction is late."""

    @property
    def lasts(self) -> bool:
        """Whether it is there for some time, and over afterwards."""
        return self in {Fault.STOP, Fault.PARTITION, Fault.LATENCY}


class Member:
    """One replica. `port` is the process's own; its callers use the port of its `link`.

    `folder` is for what the process reports of itself. Without `links`, no fault strikes the network in front of it.
    """

    def __init__(
        self, victim: Victim, number: int, port: int, restart_s: float, folder: Path, *, links: bool = True
    ) -> None:
        self.victim = victim
        self.number = number
        self.link = Link(HOST, port) if links else DirectLink(HOST, port)
        self.lines: deque[str] = deque(maxlen=_LINES_KEPT)
        """The last it has logged."""
        self.ready = asyncio.Event()
        """Set while the process serves."""
        self.starts = 0
        """How often it was started."""
        self.tasks_file = folder / f"{self.name}.tasks"
        """How many asyncio tasks it has."""
        self._restart_s = restart_s
        self._process: asyncio.subprocess.Process | None = None

    @property
    def name(self) -> str:
        """Such as "edge-1"."""
        return f"{self.victim}-{self.number}"

    @property
    def port(self) -> int:
        """Where the process listens."""
        return self.link.target[1]

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        return self._process.pid if self._process is not None else None

    async def keep(self, command: Sequence[str], environ: Mapping[str, str]) -> None:
        """Run it, again and again, until cancelled."""
        while True:
            async with started(command, environ, self.lines.append) as process:
                self._process = process
                self.starts += 1
                getting_ready = asyncio.create_task(self._get_ready())
                try:
                    await process.wait()
                finally:
                    getting_ready.cancel()
                    self._process = None
                    self.ready.clear()
                    # Connecting to a process that is gone is refused.
                    self.link.refuse()
            self.lines.append(f"(ended with {process.returncode})")
            await asyncio.sleep(self._restart_s)

    async def strike(self, fault: Fault, held_s: float) -> None:
        """Do it, and wait until it is over: `held_s` for a fault that lasts. A process that does not run is spared."""
        match fault:
            case Fault.KILL:
                self._signal(signal.SIGKILL)
            case Fault.TERM:
                self._signal(signal.SIGTERM)
            case Fault.STOP:
                pid = self.pid
                self._signal(signal.SIGSTOP)
                try:
                    await asyncio.sleep(held_s)
                finally:
                    if pid == self.pid:
                        self._signal(signal.SIGCONT)
            case Fault.PARTITION:
                self.link.darken()
                try:
                    await asyncio.sleep(held_s)
                finally:
                    self.link.lighten()
            case Fault.CUT:
                self.link.cut()
            case Fault.LATENCY:
                self.link.latency_s = LATENCY_S
                try:
                    await asyncio.sleep(held_s)
                finally:
                    self.link.latency_s = 0.0
            case Fault.NONE:
                pass

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.pid) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    async def _get_ready(self) -> None:
        while not await self._serves():  # noqa: ASYNC110 - another process sets no event
            await asyncio.sleep(_PROBED_EVERY_S)
        await self.link.listen()
        self.ready.set()

    async def _serves(self) -> bool:
        if self.victim is Victim.EDGE:
            return await http_json(HOST, self.port, "/v1/health") is not None
        if self.victim.is_engine:
            return await http_json(HOST, self.port, "/standin") is not None
        return await grpc_serving(f"{HOST}:{self.port}")
