"""The order and the turns of the tests' files."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PLUGIN = Path(__file__).with_name("real_time.py")

FILE = """
    import pathlib, time, pytest
    {mark}
    @pytest.mark.parametrize("n", range(2))
    def test_it(n):
        here = pathlib.Path({log!r})
        with here.open("a") as log: log.write("{name} begins\\n")
        time.sleep(1)
        with here.open("a") as log: log.write("{name} ends\\n")
"""


@pytest.fixture
def log(pytester: pytest.Pytester) -> Path:
    """Four files that speak and four that only wait; what they do is written to the file that is returned."""
    log = pytester.path / "log"
    pytester.makeconftest(PLUGIN.read_text())
    pytester.makeini("[pytest]\nmarkers = e2e\nasyncio_default_fixture_loop_scope = function\n")
    for kind, mark in (("speaks", "@pytest.mark.e2e"), ("waits", "")):
        files = {f"test_{kind}_{n}": FILE.format(mark=mark, log=str(log), name=kind) for n in range(4)}
        pytester.makepyfile(**files)
    return log


def most_at_once(log: Path, kind: str) -> int:
    """How many tests of a kind ran at the same time."""
    running = most = 0
    for line in log.read_text().splitlines():
        name, event = line.split()
        running += (1 if event == "begins" else -1) * (name == kind)
        most = max(most, running)
    return most


@pytest.mark.parametrize(("kind", "at_once"), [("speaks", 2), ("waits", 4)])
def test_at_most_two_files_speak_at_once(log: Path, pytester: pytest.Pytester, kind: str, at_once: int) -> None:
    run = pytester.runpytest("-n", "4", "--dist", "loadfile", "--no-loadscope-reorder", "-k", kind)
    run.assert_outcomes(passed=8)
    assert most_at_once(log, kind) == at_once


@pytest.mark.usefixtures("log")
def test_they_are_spread_among_the_others(pytester: pytest.Pytester) -> None:
    found = pytester.runpytest("--collect-only", "-q", "-n", "0")
    kinds = [line.split("_")[1] for line in found.outlines if "::" in line]
    assert kinds == ["speaks", "speaks", "waits", "waits"] * 4
