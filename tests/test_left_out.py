"""What a run of the tests leaves out, the next one can make up for."""

import pytest

pytest_plugins = ("pytester",)

SUITE = """
import os

import pytest


def test_needs_nothing():
    pass


@pytest.mark.skipif("TOOL" not in os.environ, reason="the tool is missing")
def test_needs_a_tool():
    pass


def test_needs_the_tool_at_the_end():
    if "TOOL" not in os.environ:
        pytest.skip("the tool is missing")


@pytest.mark.xfail
def test_known_to_fail():
    assert False
"""


def test_what_was_not_run_is_run_until_it_was(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    pytester.makepyfile(SUITE)
    plain = ("-p", "tests.left_out", "-p", "no:xdist", "-p", "no:asyncio")
    pytester.runpytest(*plain).assert_outcomes(passed=1, skipped=2, xfailed=1)
    pytester.runpytest(*plain, "--left-out").assert_outcomes(skipped=2, deselected=2)
    monkeypatch.setenv("TOOL", "1")
    pytester.runpytest(*plain, "--left-out").assert_outcomes(passed=2, deselected=2)
    pytester.runpytest(*plain, "--left-out").assert_outcomes(deselected=4)
