import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import pytest

from launcher.running.supervise import Child
from tests.ports import reserved_offset


class Lines:
    """A log that can be waited on."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._changed = asyncio.Event()

    def __call__(self, name: str, line: str) -> None:
        self.all.append(f"{name}: {line}")
        self._changed.set()

    async def until(self, text: str, times: int = 1) -> str:
        """The line in which `text` has come for the so-manieth time."""
        while len(found := [line for line in self.all if text in line]) < times:
            self._changed.clear()
            await self._changed.wait()
        return found[times - 1]


class MakeChild(Protocol):
    def __call__(self, name: str, code: str, ready: Callable[[], Awaitable[bool]] = ...) -> Child: ...


@pytest.fixture
def port_offset() -> Iterator[int]:
    """Where the ports of a mesh are free."""
    with reserved_offset() as offset:
        yield offset


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def python() -> tuple[str, ...]:
    """A Python that starts fast; the code to run follows."""
    return (sys.executable, "-I", "-S", "-u", "-c")


async def _at_once() -> bool:
    return True


@pytest.fixture
def make_child(python: tuple[str, ...]) -> MakeChild:
    def make(name: str, code: str, ready: Callable[[], Awaitable[bool]] = _at_once) -> Child:
        return Child(name, (*python, code), os.environ, ready)

    return make


async def gone(pid: int) -> None:
    """Wait until the process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


class Ran(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


class Parley(Protocol):
    async def __call__(self, *arguments: str | Path, **variables: str) -> Ran: ...


@pytest.fixture
def parley() -> Parley:
    """Runs the `parley` command as a process of its own."""

    async def run(*arguments: str | Path, **variables: str) -> Ran:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from launcher.main import main; main()", *map(str, arguments)),
            env={**os.environ, **variables},
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            out, err = await process.communicate()
        finally:
            if process.returncode is None:  # The test has failed, and the next one is not to find the process.
                process.kill()
                await process.communicate()
        assert process.returncode is not None
        return Ran(process.returncode, out.decode(), err.decode())

    return run
