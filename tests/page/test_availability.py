import pytest

from tests.page.availability import AVAILABLE, REQUIRED


@pytest.mark.browser
@pytest.mark.skipif(
    not AVAILABLE and not REQUIRED,
    reason="Chromium or playwright is not installed; `tox -e browser` installs both and runs all of tests/page",
)
def test_there_is_a_browser_to_test_the_page_with() -> None:
    assert AVAILABLE
