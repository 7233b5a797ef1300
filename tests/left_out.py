"""Remembers which tests were run, so that a later run can make up for the others: `pytest --left-out`.

A first run on a machine without a browser or Redis skips what needs them, or does not even collect it. Once they are
installed, a second run with `--left-out` runs what no run has done since the cache was cleared (`--cache-clear`).
"""

import pytest

_KEY = "parley/run"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the option."""
    parser.addoption("--left-out", action="store_true", help="run only the tests that the runs before have left out")


class LeftOut:
    """The node ids of the tests that were run, well or not."""

    def __init__(self, config: pytest.Config) -> None:
        assert config.cache
        self._cache = config.cache
        self._only = bool(config.getoption("--left-out"))
        self._is_worker = hasattr(config, "workerinput")
        self._run: set[str] = set(self._cache.get(_KEY, []))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what was done before."""
        if self._only:
            done = [item for item in items if item.nodeid in self._run]
            items[:] = [item for item in items if item.nodeid not in self._run]
            config.hook.pytest_deselected(items=done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that was run."""
        if report.when == "call" and (not report.skipped or hasattr(report, "wasxfail")):
            self._run.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Keep it for the next run. Of processes that share the tests, only the first knows of all."""
        if not self._is_worker:
            self._cache.set(_KEY, sorted(self._run))


def pytest_configure(config: pytest.Config) -> None:
    """Begin to remember, unless the cache is off."""
    if getattr(config, "cache", None):
        config.pluginmanager.register(LeftOut(config))
