"""Somebody who has nothing but a Python, and types what a page says."""

import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_INSTALL_LIMIT_S = 600.0
_STOP_LIMIT_S = 30.0
_KEPT = re.compile(r"PIP_|SSL_|REQUESTS_CA|\w+_proxy$", re.IGNORECASE)
"""Of the variables set here: how packages are reached. Everything else is as on a new machine."""


class ShellUser:
    """Types commands in `folder`, with a home that is empty at first; `python3` is `python`."""

    def __init__(self, folder: Path, home: Path, python: Path) -> None:
        home.mkdir(exist_ok=True)
        self._folder = folder
        # The environment that a page has people make comes last: they make it with a Python from outside.
        path = (python.parent, "/usr/local/bin", "/usr/bin", "/bin", folder / ".venv" / "bin", *_tools())
        self._environ = {name: value for name, value in os.environ.items() if _KEPT.match(name)} | {
            "HOME": str(home),
            "LANG": "C.UTF-8",
            "PATH": ":".join(map(str, path)),
        }
        self._mesh = ExitStack()

    def type(self, command: str) -> str:
        """Run a command to its end and return what it printed; fail if it fails."""
        ran = subprocess.run(  # noqa: S603 - what our own page says
            ["/bin/bash", "-c", command],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_INSTALL_LIMIT_S,
            check=False,
        )
        assert ran.returncode == 0, f"$ {command}\n{ran.stdout}\nexit code {ran.returncode}"
        return ran.stdout

    def start(self, command: str) -> str:
        """Run a `parley up` in another terminal, instead of the one before, until `leave`; return what it printed.

        Fails if it does not get ready, or does not end well.
        """
        self.leave()
        return self._mesh.enter_context(self._up(command))

    def leave(self) -> None:
        """Type Ctrl-C where the mesh runs."""
        self._mesh.close()

    @contextmanager
    def _up(self, command: str) -> Iterator[str]:
        process = subprocess.Popen(  # noqa: S603 - what our own page says
            ["/bin/bash", "-c", command],
            cwd=self._folder,
            env=self._environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        printed: list[str] = []
        ready = threading.Event()

        def read() -> None:
            for line in process.stdout or ():
                printed.append(line)
                if "Parley is ready" in line:
                    ready.set()
            ready.set()

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            in_time = ready.wait(_INSTALL_LIMIT_S)
            assert in_time, f"$ {command}\n{''.join(printed)}\nnot ready in time"
            assert process.poll() is None, f"$ {command}\n{''.join(printed)}\nended"
            yield "".join(printed)
            # A terminal's Ctrl-C reaches everything in the foreground.
            os.killpg(process.pid, signal.SIGINT)
            code = process.wait(_STOP_LIMIT_S)
            assert code == 0, f"$ {command}\n{''.join(printed)}\nexit code {code} after Ctrl-C"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            reader.join(_STOP_LIMIT_S)
            if process.stdout:
                process.stdout.close()


def _tools() -> Iterator[Path]:
    """Where grpcurl is, if it is anywhere."""
    if found := shutil.which("grpcurl"):
        yield Path(found).parent
