# ruff: noqa: RUF001 - typographic marks are what this is about
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_proxy.engine import Word
from tts_proxy.engines.moshi.alignment import Alignment


def spoken(written: str, *told: tuple[str, float, float]) -> list[Word]:
    alignment = Alignment()
    for word in written.split():
        alignment.write(word)
    return [word for each in told for word in alignment.speak(*each)]


@pytest.mark.unmute("S11")
@pytest.mark.parametrize(
    ("written", "told", "words"),
    [
        ("Hello there.", [("Hello", 0, 0.4), ("there.", 0.4, 0.8)], [("Hello", 0, 0.4), ("there.", 0.4, 0.8)]),
        ("at 10:30 sharp", [("at", 0, 1), ("10", 1, 2), ("30", 2, 3)], [("at", 0, 1), ("10:30", 1, 3)]),
        ("(well)", [("well", 0, 1)], [("(well)", 0, 1)]),
        ("it’s – fine", [("it's", 0, 1), ("fine", 1, 2)], [("it’s", 0, 1), ("fine", 1, 2)]),
        ("one 😀 two", [("one", 0, 1), ("two", 1, 2)], [("one", 0, 1), ("😀", 1, 1), ("two", 1, 2)]),
        ("Dr. No", [("Doctor", 0, 1), ("No", 1, 2)], [("Dr.", 0, 1), ("No", 1, 2)]),
        ("hi", [("", 0, 0), ("hi", 0.5, 1)], [("hi", 0.5, 1)]),
        ("hi", [("hi", 0, 1), ("more", 1, 2)], [("hi", 0, 1), ("more", 1, 2)]),
        ("a b", [("a", 2, 3), ("b", 1, 1.5)], [("a", 2, 3), ("b", 2, 2)]),
    ],
    ids=["plain", "split", "brackets", "typography", "unspoken", "reworded", "empty", "too many", "backwards"],
)
def test_what_is_spoken_is_told_as_it_was_written(
    written: str, told: list[tuple[str, float, float]], words: list[tuple[str, float, float]]
) -> None:
    assert spoken(written, *told) == [Word(*word) for word in words]


def test_what_waits_is_counted() -> None:
    alignment = Alignment()
    for word in ("one", "–", "three"):
        alignment.write(word)
    assert (len(alignment), alignment.characters) == (2, 8)
    list(alignment.speak("one", 0, 1))
    list(alignment.speak("three", 1, 2))
    assert (len(alignment), alignment.characters) == (0, 0)


@given(
    st.lists(st.sampled_from(["one", "two", "10:30", "a:b:c", "–", "(", "three"])),
    st.lists(st.tuples(st.sampled_from(["one", "two", "10", "30", "b", "three", "?", ""]), st.floats(0, 9))),
)
def test_every_written_word_is_told_once_and_in_its_order(written: list[str], told: list[tuple[str, float]]) -> None:
    words = spoken(" ".join(written), *((text, start_s, start_s + 0.1) for text, start_s in told))
    sounding = [word for word in written if word not in "–("]
    assert [word.text for word in words][: len(sounding)] == sounding[: len(words)]
    assert [word.start_s for word in words] == sorted(word.start_s for word in words)
    assert all(word.start_s <= word.stop_s for word in words)
