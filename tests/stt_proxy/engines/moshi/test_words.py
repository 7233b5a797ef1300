import pytest

from mesh.audio import SAMPLE_RATE
from stt_proxy.engine import Word
from stt_proxy.engines.moshi.silences import SilenceMap
from stt_proxy.engines.moshi.words import Words


def at(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


@pytest.fixture
def silences() -> SilenceMap:
    silences = SilenceMap()
    silences.add_audio(at(60))
    return silences


def test_a_word_waits_for_its_end(silences: SilenceMap) -> None:
    words = Words(silences)
    assert list(words.told("hi", at(1))) == []
    assert list(words.ended(at(1.4))) == [Word("hi", 1.0, 1.4)]
    assert list(words.ended(at(1.5))) == []


def test_a_word_whose_end_is_not_told_ends_where_the_next_begins(silences: SilenceMap) -> None:
    words = Words(silences)
    assert list(words.told("hi", at(1))) == []
    assert list(words.told("there", at(1.5))) == [Word("hi", 1.0, 1.5)]
    assert list(words.ended(at(2))) == [Word("there", 1.5, 2.0)]


@pytest.mark.parametrize("nothing", ["", " ", "\n"])
def test_empty_words_are_dropped(silences: SilenceMap, nothing: str) -> None:
    words = Words(silences)
    assert [*words.told(nothing, 0), *words.ended(at(1))] == []


def test_a_word_has_no_spaces(silences: SilenceMap) -> None:
    words = Words(silences)
    assert [*words.told(" a b ", 0), *words.ended(at(1))] == [Word("ab", 0.0, 1.0)]


def test_the_silence_before_a_word_is_not_part_of_it(silences: SilenceMap) -> None:
    words = Words(silences)
    assert [*words.told("hi", 0), *words.ended(at(20))] == [Word("hi", 18.5, 20.0)]


def test_an_end_before_the_start_is_not_believed(silences: SilenceMap) -> None:
    words = Words(silences)
    assert [*words.told("hi", at(2)), *words.ended(at(1))] == [Word("hi", 2.0, 2.0)]


def test_starts_never_go_back(silences: SilenceMap) -> None:
    words = Words(silences)
    assert [*words.told("one", at(5)), *words.ended(at(6))] == [Word("one", 5.0, 6.0)]
    assert [*words.told("two", at(4)), *words.ended(at(5))] == [Word("two", 5.0, 5.0)]
