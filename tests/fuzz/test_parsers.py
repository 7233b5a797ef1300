"""Every parser that meets bytes from outside refuses what it does not understand, and never fails in another way.

Some inputs in every run of the tests; `PARLEY_FUZZ_MINUTES=30 tox -e fuzz` looks for so long. A finding is printed as
the smallest input that shows it, and tried first in the next run.
"""

import os
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings

from tests.fuzz.inputs import inputs
from tests.fuzz.parsers import PARSERS, Parser

EXAMPLES = 50
_AT_ONCE = 200
BUDGET_S = float(os.environ.get("PARLEY_FUZZ_MINUTES") or 0) * 60 / len(PARSERS)
"""For each parser; 0: so many examples."""


@pytest.mark.timeout(BUDGET_S * 2 + 120)
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_parser_understands_or_refuses(parser: Parser) -> None:
    tried = 0

    @settings(max_examples=_AT_ONCE if BUDGET_S else EXAMPLES)
    @given(inputs(parser.seeds))
    def search(data: bytes) -> None:
        nonlocal tried
        tried += 1
        with suppress(*parser.refusals):
            parser.parse(data)

    began = time.monotonic()
    search()
    while time.monotonic() - began < BUDGET_S:
        search()
    print(f"{parser.name}: {tried} inputs in {time.monotonic() - began:.0f} s")  # noqa: T201 - the report of tox -e fuzz


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_parser_takes_what_it_is_for(parser: Parser) -> None:
    """Else all of its inputs would be refused at the door."""
    for seed in parser.seeds[:1]:
        parser.parse(seed)
