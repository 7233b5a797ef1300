"""Lets at most two files at once run in real time, however many workers share the tests.

Most tests wait, for a limit or for a peer, and any number can wait at once. A whole mesh, a browser or a person who
speaks wants the processors at its time; more than two at once would measure each other. So these files are spread among
the others, and take turns.
"""

import fcntl
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import pytest

AT_ONCE = 2
MARKERS = ("base", "browser", "containers", "docs", "e2e", "packages")
"""What runs in real time has one of these."""

_KEY = "parley_turns"
_LOOK_EVERY_S = 0.2


class GivingTurns:
    """The part of the process that starts the workers: it tells them where the turns are taken."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="parley-tests-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a worker."""
        node.workerinput[_KEY] = self._folder.name

    def pytest_unconfigure(self) -> None:
        """Leave nothing behind."""
        self._folder.cleanup()


class TakingTurns:
    """A worker's part: it waits for a turn before such a file's first test, and gives it back after the last."""

    def __init__(self, folder: Path) -> None:
        self._turns = [folder / str(n) for n in range(AT_ONCE)]
        self._taken: IO[str] | None = None

    # The first of all: the time that a test may take does not begin before it has a turn.
    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[None]:
        """Run a test in its turn."""
        if self._taken is None and is_real_time(item):
            self._taken = self._take()
        try:
            return (yield)
        finally:
            if self._taken and (nextitem is None or nextitem.path != item.path):
                self._taken.close()
                self._taken = None

    # Without a limit of its own: who has a turn is limited by their tests' time-outs, and loses it with their process.
    def _take(self) -> IO[str]:
        while True:
            for each in self._turns:
                turn = each.open("w")
                with suppress(BlockingIOError):
                    fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    return turn
                turn.close()
            time.sleep(_LOOK_EVERY_S)


def is_real_time(item: pytest.Item) -> bool:
    """Whether a test is of those."""
    return any(item.get_closest_marker(name) for name in MARKERS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that take turns evenly among the others. `pytest-xdist` is told to keep this order."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    kinds: dict[bool, list[list[pytest.Item]]] = {True: [], False: []}
    for file in files.values():
        kinds[any(map(is_real_time, file))].append(file)
    places = [(number / len(kind), file) for kind in kinds.values() for number, file in enumerate(kind)]
    items[:] = [item for _, file in sorted(places, key=lambda place: place[0]) for item in file]


def pytest_configure(config: pytest.Config) -> None:
    """Give turns, or take them. A single process needs none."""
    if workerinput := getattr(config, "workerinput", None):
        config.pluginmanager.register(TakingTurns(Path(workerinput[_KEY])))
    else:
        config.pluginmanager.register(GivingTurns())
