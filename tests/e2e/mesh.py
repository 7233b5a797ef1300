"""A whole mesh of real processes, on ports of its own."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.ports import reserved_offset

_START_LIMIT_S = 100.0
_STOP_LIMIT_S = 20.0


@dataclass
class Mesh:
    """A running `parley up`."""

    process: subprocess.Popen[str]
    edge_port: int
    offset: int
    log: list[str] = field(default_factory=list)

    @property
    def websocket(self) -> str:
        return f"ws://127.0.0.1:{self.edge_port}"

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.edge_port}"

    @property
    def orchestrator(self) -> str:
        return f"127.0.0.1:{50051 + self.offset}"

    @property
    def stt(self) -> str:
        return f"127.0.0.1:{50052 + self.offset}"

    @property
    def tts(self) -> str:
        return f"127.0.0.1:{50053 + self.offset}"

    @property
    def voices(self) -> str:
        return f"127.0.0.1:{50054 + self.offset}"

    @property
    def responder(self) -> str:
        return f"http://127.0.0.1:{8091 + self.offset}"

    def metrics(self, port: int) -> int:
        return port + self.offset


@contextmanager
def running_mesh(*arguments: str, **settings: str) -> Iterator[Mesh]:
    """Run `parley up` with these arguments and settings, and wait until it says that it is ready.

    Interrupt it at the end, as Ctrl-C does.
    """
    with reserved_offset() as offset:
        yield from _running(offset, arguments, settings)


def _running(offset: int, arguments: Sequence[str], settings: dict[str, str]) -> Iterator[Mesh]:
    edge_port = 8000 + offset
    parley = Path(sys.executable).with_name("parley")
    command = [str(parley), "up", "--port", str(edge_port), "--port-offset", str(offset), "--drain-limit", "1"]
    command += arguments
    process = subprocess.Popen(  # noqa: S603 - our own command
        command,
        env={**os.environ, "PARLEY_LOG_LEVEL": "info", **_by_url(settings), **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    mesh = Mesh(process, edge_port, offset)
    ready = threading.Event()
    reader = threading.Thread(target=_read, args=(mesh, ready), daemon=True)
    reader.start()
    try:
        if not ready.wait(_START_LIMIT_S):
            raise AssertionError("the mesh did not start:\n" + "".join(mesh.log))
        yield mesh
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            reader.join(_STOP_LIMIT_S)
            if process.stdout:
                process.stdout.close()


def _by_url(settings: Mapping[str, str]) -> dict[str, str]:
    """Let a mesh choose the engines whose servers it is given, whatever engines the tests choose."""
    return {f"PARLEY_{kind}_ENGINE": "" for kind in ("STT", "TTS") if f"KYUTAI_{kind}_URL" in settings}


def _read(mesh: Mesh, ready: threading.Event) -> None:
    for line in mesh.process.stdout or ():
        mesh.log.append(line)
        if "Parley is ready" in line:
            ready.set()
    if mesh.process.poll() is not None:
        ready.set()
