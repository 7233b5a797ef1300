from datetime import datetime

import pytest

from responder.clock import spoken_date, spoken_time


@pytest.mark.parametrize(
    ("hour", "minute", "words"),
    [
        (0, 0, "twelve o'clock at night"),
        (4, 59, "one minute to five at night"),
        (5, 0, "five o'clock in the morning"),
        (9, 1, "one minute past nine in the morning"),
        (11, 45, "a quarter to twelve in the morning"),
        (12, 15, "a quarter past twelve in the afternoon"),
        (12, 30, "half past twelve in the afternoon"),
        (12, 31, "twenty nine minutes to one in the afternoon"),
        (15, 25, "twenty five past three in the afternoon"),
        (17, 43, "seventeen minutes to six in the afternoon"),
        (18, 10, "ten past six in the evening"),
        (23, 55, "five to twelve at night"),
    ],
)
def test_time_in_words(hour: int, minute: int, words: str) -> None:
    assert spoken_time(datetime(2026, 11, 23, hour, minute)) == words  # noqa: DTZ001 - the place does not matter


@pytest.mark.parametrize(
    ("day", "words"),
    [
        (1, "Sunday, the first of November"),
        (12, "Thursday, the twelfth of November"),
        (20, "Friday, the twentieth of November"),
        (23, "Monday, the twenty third of November"),
        (30, "Monday, the thirtieth of November"),
    ],
)
def test_date_in_words(day: int, words: str) -> None:
    assert spoken_date(datetime(2026, 11, day)) == words  # noqa: DTZ001 - the place does not matter


def test_the_thirty_first() -> None:
    assert spoken_date(datetime(2026, 12, 31)) == "Thursday, the thirty first of December"  # noqa: DTZ001 - as above
