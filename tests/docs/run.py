"""Runs the blocks of a page as a reader would, from the first to the last."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.docs.blocks import Block, missing
from tests.docs.room import Room

BLOCK_LIMIT_S = 60.0
START_LIMIT_S = 60.0
STOP_LIMIT_S = 30.0


def run(block: Block, here: Room) -> str | None:
    """Run a block to its end. What is wrong if it fails, or does not print what the page says; else None."""
    if block.saved_as:
        (here.home / block.saved_as).write_text(block.text + "\n")
        return None
    command = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else ["python", "-c"]
    process = here.start(*command, block.text)
    try:
        printed, _ = process.communicate(timeout=BLOCK_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        printed, _ = process.communicate()
        return f"{block.where} did not end within {BLOCK_LIMIT_S:g} s. It printed:\n{printed}"
    if process.returncode != 0:
        return f"{block.where} ended with {process.returncode}. It printed:\n{printed}"
    if line := missing(block.prints or "", printed):
        return f"{block.where} does not print {line!r} where the page says so. It printed:\n{printed}"
    return None


@contextmanager
def started(command: str, until: str, here: Room) -> Iterator[None]:
    """Run a command beside others, from when it has said `until`; then end it as Ctrl-C does, which it must do well."""
    process = here.start("bash", "-c", f"exec env {command}")
    lines: list[str] = []
    said = threading.Event()
    reader = threading.Thread(target=_read, args=(process, lines, until, said))
    reader.start()
    try:
        assert said.wait(START_LIMIT_S), f"{command} did not begin:\n{''.join(lines)}"
        assert any(until in line for line in lines), f"{command} never said {until!r}:\n{''.join(lines)}"
        yield
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            reader.join(STOP_LIMIT_S)
            if process.stdout:
                process.stdout.close()
    assert process.returncode in (0, -signal.SIGINT), f"{command} ended with {process.returncode}:\n{''.join(lines)}"


def _read(process: subprocess.Popen[str], lines: list[str], until: str, said: threading.Event) -> None:
    for line in process.stdout or ():
        lines.append(line)
        if until in line:
            said.set()
    said.set()
