"""What a run of the tests must have: where a tool is required, a test that misses it fails instead of being skipped."""

import os


def required(tool: str) -> bool:
    """Whether PARLEY_TESTS_REQUIRE, a list with commas, names the tool."""
    return tool in os.environ.get("PARLEY_TESTS_REQUIRE", "").split(",")
