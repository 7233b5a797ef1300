"""Every claim towards Unmute's clients has a test, and the documentation lists it."""

import pytest

from tests.unmute.contract import CLAIMS, claims_shown
from tests.unmute.page import PAGE, fresh_page

SHOWN = claims_shown()


def test_every_mark_names_a_claim() -> None:
    assert SHOWN.keys() <= CLAIMS.keys()


@pytest.mark.parametrize("claim", CLAIMS)
def test_claim_is_shown_by_a_test(claim: str) -> None:
    assert SHOWN.get(claim), f"no test is marked with {claim}: {CLAIMS[claim]}"


def test_the_documentation_is_fresh() -> None:
    assert PAGE.read_text() == fresh_page(), "docs/unmute.md is stale: run scripts/unmute"
