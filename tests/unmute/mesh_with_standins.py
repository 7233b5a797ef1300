"""A mesh of processes in front of stand-ins of the production engines, which are processes too."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.mesh import Mesh, running_mesh

_ENGINES = ("stt", "tts", "llm", "cloning")


@dataclass(frozen=True)
class MeshWithStandins:
    """All of it."""

    mesh: Mesh
    engines: dict[str, str]
    """The engines' URLs, by the setting that has each."""

    def engine(self, kind: str) -> str:
        """Where an engine is asked about itself."""
        return self.engines[f"KYUTAI_{kind.upper()}_URL"].replace("ws://", "http://") + "/standin"

    def slots_used(self, kind: str) -> int:
        """How many of an engine's slots are taken."""
        return int(httpx2.get(self.engine(kind)).json()["slots"]["used"])

    def change(self, kind: str, **options: Any) -> None:
        """Change an engine's options."""
        httpx2.patch(self.engine(kind), json={"options": options}).raise_for_status()


@contextmanager
def running_mesh_with_standins(*options: str, up: Sequence[str] = (), **settings: str) -> Iterator[MeshWithStandins]:
    """Run the engines with these options, and `parley up` with these arguments and settings, until the block ends."""
    parley = Path(sys.executable).with_name("parley")
    ports = [f"--{kind}-port=0" for kind in _ENGINES]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [str(parley), "fake-engines", *ports, *options], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    try:
        lines = [process.stdout.readline() for _ in _ENGINES]
        told = (re.fullmatch(r"export (\w+)=(\S+)\n", line) for line in lines)
        engines = {match[1]: match[2] for match in told if match}
        with running_mesh(*up, **engines, **settings) as mesh:
            yield MeshWithStandins(mesh, engines)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(10)
        process.stdout.close()
