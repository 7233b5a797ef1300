"""A place in which every documented port is free: a network of its own, with nothing but a loopback device.

Documentation names the ports that a mesh has by default, and its commands are run as they are written. Where the system
lets nobody make a network (Linux with user namespaces does), the commands run on the machine's own, if that is free.
"""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SIOCSIFFLAGS = 0x8914
_IFF_UP = 0x1
_PORTS = (8000, 8091, 9151, 9152, 9153, 9154, 11434, 50051, 50052, 50053, 50054)
_LIMIT_S = 10
_OFFLINE = {"PIP_NO_BUILD_ISOLATION": "false"}
"""Nothing can be fetched into a room: pip builds with what is installed. (It reads "false" as no isolation.)"""


class Room:
    """Where commands run. `prefix` goes before each of them; `home` is the directory they share."""

    def __init__(self, prefix: list[str], home: Path) -> None:
        self.home = home
        self._prefix = prefix

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Start a command, its output and errors on one pipe. `parley` and `python` are this installation's."""
        tools = [str(self.home / ".venv/bin"), str(Path(__file__).parents[2] / ".tools"), os.environ["PATH"]]
        return subprocess.Popen(  # noqa: S603 - commands of our own documentation
            [*self._prefix, *command],
            cwd=self.home,
            env={**os.environ, **_OFFLINE, "PATH": os.pathsep.join(tools)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@contextmanager
def room(home: Path) -> Iterator[Room]:
    """A room with `home` for a directory, in which `.venv` is this installation."""
    if not (home / ".venv").exists():
        (home / ".venv").symlink_to(sys.prefix)
    unshare, nsenter = shutil.which("unshare"), shutil.which("nsenter")
    if unshare is None or nsenter is None:
        yield _on_the_machine_itself(home)
        return
    with subprocess.Popen(  # noqa: S603 - our own command
        [unshare, "--user", "--map-root-user", "--net", sys.executable, __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as keeper:
        try:
            if keeper.stdout and keeper.stdout.readline() == "open\n":
                enter = [nsenter, f"--target={keeper.pid}", "--user", "--net", "--preserve-credentials"]
                yield Room(enter, home)
            else:
                yield _on_the_machine_itself(home)
        finally:
            keeper.communicate(timeout=_LIMIT_S)


def _on_the_machine_itself(home: Path) -> Room:
    for port in _PORTS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
    return Room([], home)


def keep() -> None:
    """Be the process a room's network belongs to, until standard input closes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        fcntl.ioctl(device, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
    print("open", flush=True)  # noqa: T201 - who made the room waits for it
    sys.stdin.read()


if __name__ == "__main__":
    keep()
