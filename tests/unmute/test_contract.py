"""Every claim towards Unmute's clients has a test, and the index lists it."""

import re

import pytest

from tests.unmute.contract import CLAIMS, claims_shown
from tests.unmute.page import PAGE, fresh_page

SHOWN = claims_shown()


def test_every_mark_names_a_claim() -> None:
    assert SHOWN.keys() <= CLAIMS.keys()


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim_is_shown_by_a_test(claim: str) -> None:
    assert SHOWN.get(claim), f"no test is marked with {claim}: {CLAIMS[claim]}"


def test_the_index_is_fresh() -> None:
    assert PAGE.read_text() == fresh_page(), f"{PAGE.name} is stale: run scripts/unmute"


def test_the_index_names_tests_that_exist() -> None:
    """A link that leads to a file without the test would be a claim that nothing checks."""
    links = re.findall(r"\[(test_\w+)\]\(([^)]+)\)", PAGE.read_text())
    assert links
    for name, target in links:
        assert f"def {name}(" in (PAGE.parent / target).read_text(), f"{name} is not in {target}"
