"""The index of tests in tests/unmute/CLAIMS.md, written from the claims and the marks."""

from collections.abc import Iterator, Mapping

from tests.unmute.contract import BUGS, CHECKS, ROOT, SECTIONS, claims_shown

PAGE = ROOT / "tests" / "unmute" / "CLAIMS.md"

_HEAD = """\
<!-- Written by scripts/unmute. Change tests/unmute/contract.py or the marks of tests instead. -->

# Claims towards Unmute's clients, and their tests

[docs/unmute.md](../../docs/unmute.md) describes what works with Unmute's clients and what differs. This index lists the
claims behind it and the tests that check each of them. `pytest -m unmute` runs them all.
"""

_TABLES = {
    "The contract": SECTIONS,
    "The checklist": CHECKS,
    "What Unmute's backend gets wrong, as it is here": BUGS,
}
_MOST_NAMED = 4
"""Tests that a row names; it counts the others."""


def tables() -> str:
    """Everything below the head."""
    shown = claims_shown()
    return "\n".join(line for title, claims in _TABLES.items() for line in _table(title, claims, shown))


def fresh_page() -> str:
    """The page as it should be."""
    return _HEAD + tables()


def _table(title: str, claims: Mapping[str, str], shown: Mapping[str, list[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "", "| claim | meaning | tests |", "|---|---|---|")
    for claim, meaning in claims.items():
        tests = sorted(set(shown.get(claim, [])), key=_plainest_first)
        named = [f"[{test.split('::')[-1]}](../../{test.split('::')[0]})" for test in tests[:_MOST_NAMED]]
        if len(tests) > _MOST_NAMED:
            named.append(f"{len(tests) - _MOST_NAMED} more")
        yield f"| {claim} | {meaning} | {', '.join(named)} |"
    yield ""


def _plainest_first(test: str) -> tuple[bool, str]:
    """Tests that run the whole mesh come last: those close to the rule tell more."""
    return "/e2e/" in test or "/unmute/" in test, test
