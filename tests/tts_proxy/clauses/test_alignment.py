import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_proxy.clauses.alignment import WordStart, aligned
from tts_proxy.clauses.script import script_of
from tts_proxy.clauses.splitting import Clause, Ending

Events = list[tuple[int, float]]


def times(text: str, events: Events, length_s: float) -> list[tuple[str, float, float]]:
    script = script_of(Clause(tuple(text.split()), Ending.SENTENCE))
    words = aligned(script.words, [WordStart(*event) for event in events], length_s)
    return [(word.text, round(word.start_s, 3), round(word.stop_s, 3)) for word in words]


@pytest.mark.parametrize(
    ("text", "events", "expected"),
    [
        pytest.param(
            "one two", [(0, 0.0), (4, 0.3)], [("one", 0.0, 0.3), ("two", 0.3, 1.0)], id="one event for each word"
        ),
        pytest.param(
            "in 2024 yes",
            [(0, 0.0), (3, 0.2), (3, 0.5), (5, 0.6), (8, 0.8)],
            [("in", 0.0, 0.2), ("2024", 0.2, 0.8), ("yes", 0.8, 1.0)],
            id="several events in a word",
        ),
        pytest.param(
            "one two ten six",
            [(0, 0.0), (12, 0.6)],
            [("one", 0.0, 0.2), ("two", 0.2, 0.4), ("ten", 0.4, 0.6), ("six", 0.6, 1.0)],
            id="words without an event are spread between their neighbours",
        ),
        pytest.param("one two", [(0, 0.0)], [("one", 0.0, 0.5), ("two", 0.5, 1.0)], id="the last word has no event"),
        pytest.param("one two", [], [("one", 0.0, 0.5), ("two", 0.5, 1.0)], id="no events"),
        pytest.param(
            "one two ten",
            [(0, 0.0), (4, 0.7), (8, 0.3)],
            [("one", 0.0, 0.7), ("two", 0.7, 0.7), ("ten", 0.7, 1.0)],
            id="the engine reorders words",
        ),
        pytest.param(
            "one two", [(0, 0.0), (4, 1.2)], [("one", 0.0, 1.0), ("two", 1.0, 1.0)], id="an event past the end"
        ),
    ],
)
def test_words_get_times(text: str, events: Events, expected: list[tuple[str, float, float]]) -> None:
    assert times(text, events, 1.0) == expected


events = st.lists(st.tuples(st.integers(-2, 60), st.floats(0, 10)), max_size=30)


@given(text=st.lists(st.sampled_from(["a", "word", "2024"]), min_size=1, max_size=12).map(" ".join), events=events)
def test_times_never_go_back(text: str, events: Events) -> None:
    found = times(text, events, 5.0)
    bounds = [bound for _, start, stop in found for bound in (start, stop)]
    assert [word for word, _, _ in found] == text.split()
    assert bounds == sorted(bounds)
    assert 0 <= bounds[0] <= bounds[-1] == 5.0
