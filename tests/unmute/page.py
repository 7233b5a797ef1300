"""The tables of docs/unmute.md, written from the claims and the marks."""

from collections.abc import Iterator, Mapping

from tests.unmute.contract import BUGS, CHECKS, ROOT, SECTIONS, claims_shown

PAGE = ROOT / "docs" / "unmute.md"
MARK = "<!-- What follows is written by scripts/unmute. -->\n"

_TABLES = {
    "The contract": SECTIONS,
    "The checklist": CHECKS,
    "What Unmute's backend gets wrong, as it is here": BUGS,
}
_MOST_NAMED = 4
"""Tests that a row names; it counts the others."""


def tables() -> str:
    """Everything below the mark."""
    shown = claims_shown()
    return "\n".join(line for title, claims in _TABLES.items() for line in _table(title, claims, shown))


def fresh_page() -> str:
    """The page as it should be."""
    kept, mark, _ = PAGE.read_text().partition(MARK)
    return kept + mark + tables()


def _table(title: str, claims: Mapping[str, str], shown: Mapping[str, list[str]]) -> Iterator[str]:
    yield from ("", f"## {title}", "", "| | | shown by |", "|---|---|---|")
    for claim, meaning in claims.items():
        tests = sorted(set(shown.get(claim, [])), key=_plainest_first)
        named = [f"[{test.split('::')[-1]}](../{test.split('::')[0]})" for test in tests[:_MOST_NAMED]]
        if len(tests) > _MOST_NAMED:
            named.append(f"{len(tests) - _MOST_NAMED} more")
        yield f"| {claim} | {meaning} | {', '.join(named)} |"
    yield ""


def _plainest_first(test: str) -> tuple[bool, str]:
    """Tests that run the whole mesh come last: those close to the rule tell more."""
    return "/e2e/" in test or "/unmute/" in test, test
