"""Remembers which tests were skipped, so that a later run can make up for just those: `pytest --left-out`.

A first run on a machine without a browser or Redis skips what needs them. Once they are installed, a second run with
`--left-out` runs the tests that the runs before have skipped, and none that they have passed.
"""

import pytest

_KEY = "parley/left_out"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the option."""
    parser.addoption("--left-out", action="store_true", help="run only the tests that the runs before have skipped")


class LeftOut:
    """The node ids of the tests that no run has done since they were skipped."""

    def __init__(self, config: pytest.Config) -> None:
        assert config.cache
        self._cache = config.cache
        self._only = bool(config.getoption("--left-out"))
        self._is_worker = hasattr(config, "workerinput")
        self._skipped: set[str] = set(self._cache.get(_KEY, []))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out what was done before."""
        if self._only:
            done = [item for item in items if item.nodeid not in self._skipped]
            items[:] = [item for item in items if item.nodeid in self._skipped]
            config.hook.pytest_deselected(items=done)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test came to."""
        if report.skipped and not hasattr(report, "wasxfail"):
            self._skipped.add(report.nodeid)
        elif report.when == "call":
            self._skipped.discard(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Keep it for the next run. Of processes that share the tests, only the first knows of all."""
        if not self._is_worker:
            self._cache.set(_KEY, sorted(self._skipped))


def pytest_configure(config: pytest.Config) -> None:
    """Begin to remember, unless the cache is off."""
    if getattr(config, "cache", None):
        config.pluginmanager.register(LeftOut(config))
