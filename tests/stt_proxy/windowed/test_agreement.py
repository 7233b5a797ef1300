"""When words are certain, as scripts of hypotheses."""

import pytest

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.words import TimedWord
from stt_proxy.windowed.agreement import Agreement

WORD = SAMPLE_RATE // 2
"""Every word takes half a second."""


def heard(text: str, *, start: int = 0) -> list[TimedWord]:
    return [TimedWord(word, start + at * WORD, start + (at + 1) * WORD) for at, word in enumerate(text.split())]


def texts(words: list[TimedWord]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize(
    ("hypotheses", "certain", "partial"),
    [
        pytest.param(["the tides"], [""], "the tides", id="once is not certain"),
        pytest.param(["the tides", "the tides come"], ["", "the tides"], "come", id="twice is"),
        pytest.param(
            ["The tides.", "the tides come"], ["", "the tides"], "come", id="case and punctuation do not count"
        ),
        pytest.param(["the ties", "the tides come"], ["", "the"], "tides come", id="up to the first that differs"),
        pytest.param(["a", "b", "a", "a b"], ["", "", "", "a"], "b", id="in a row"),
        pytest.param(["the tides", "the tides"], ["", "the"], "tides", id="the last may go on"),
        pytest.param(
            ["how do", "how he married", "howdy married him", "howdy married him today"],
            ["", "how", "", "married him"],
            "today",
            id="a committed word that changes is not said twice",
        ),
        pytest.param(
            ["I am going to", "I am going to go", "I was gone to go there", "I was gone to go there now"],
            ["", "I am going to", "go", "there"],
            "now",
            id="other words in the place of committed ones",
        ),
    ],
)
def test_revisions(hypotheses: list[str], certain: list[str], partial: str) -> None:
    agreement = Agreement()
    got = [texts(agreement.revise(heard(each), len(each.split()) * WORD)) for each in hypotheses]
    assert got == certain
    assert texts(list(agreement.partial)) == partial


def test_the_last_word_is_certain_once_silence_follows() -> None:
    agreement = Agreement()
    agreement.revise(heard("the tides"), 2 * WORD)
    assert texts(agreement.revise(heard("the tides"), 3 * WORD)) == "the tides"


def test_the_end_gives_all_that_was_not_certain() -> None:
    agreement = Agreement()
    agreement.revise(heard("the tides"), 2 * WORD)
    agreement.revise(heard("the tides come"), 3 * WORD)
    assert texts(agreement.conclude(heard("The tides come twice."))) == "come twice."
    assert not agreement.partial


def test_words_come_in_the_order_of_their_starts_whatever_the_alignment_says() -> None:
    agreement = Agreement()
    agreement.revise(heard("the tides"), 2 * WORD)
    first = agreement.revise(heard("the tides come"), 3 * WORD)
    late = [TimedWord("the", 0, 10), TimedWord("tides", 10, 20), TimedWord("come", 20, 30), TimedWord("in", 5, 25)]
    words = [*first, *agreement.conclude(late)]
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert all(word.start <= word.end for word in words)


def test_a_window_that_moves_on_keeps_its_place() -> None:
    agreement = Agreement()
    agreement.revise(heard("a b c d e"), 5 * WORD)
    agreement.revise(heard("a b c d e f"), 6 * WORD)
    agreement.move(3 * WORD)
    assert texts(agreement.committed) == "d e"
    assert texts(agreement.revise(heard("d e f g", start=3 * WORD), 7 * WORD)) == "f"
    assert texts(agreement.conclude(heard("d e f g h", start=3 * WORD))) == "g h"
