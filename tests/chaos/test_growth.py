import pytest

from chaos.growth import growth


@pytest.mark.parametrize(
    ("measure", "values", "flat"),
    [
        ("descriptors", [10, 30, 30, 31, 30, 31, 30], True),  # what came in the first rounds stays
        ("descriptors", [10, 30, 31, 32, 33, 34, 35], False),
        ("descriptors", [30, 30, 30, 30, 60, 30, 30], True),  # a moment
        ("slots", [0, 0, 0, 0, 0], True),
        ("slots", [0, 0, 0, 1, 1], False),
        ("memory_mb", [60, 80, 100, 101, 102, 103, 104], True),  # 3 MB and 3 %
        ("memory_mb", [60, 80, 100, 102, 104, 106, 108], False),
        ("tasks", [9, 9, 9, 8, 4], True),
    ],
)
def test_what_does_not_grow_from_round_to_round_is_flat(measure: str, values: list[float], flat: bool) -> None:
    assert growth("edge-0", measure, values).is_flat is flat


def test_the_trend_is_that_of_all_rounds_after_the_warm_up() -> None:
    grown = growth("edge-0", "tasks", [5, 9, 10, 12, 14])
    assert (grown.first, grown.last, grown.allowed) == (10, 14, 2.0)
    assert grown.trend == pytest.approx(4.0)
