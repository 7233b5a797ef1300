import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_proxy.recognition import FRAME, SAMPLE_RATE
from stt_proxy.recognition.words import CommittedWords, TimedWord, real_words


def hypothesis(text: str, *, first: float = 0.0) -> list[TimedWord]:
    """The words of a text, a quarter of a second each."""
    return [
        TimedWord(word, int((first + 0.25 * index) * SAMPLE_RATE), int((first + 0.25 * (index + 1)) * SAMPLE_RATE))
        for index, word in enumerate(text.split())
    ]


def texts(words: list[TimedWord]) -> str:
    return " ".join(word.text for word in words)


def heard(seconds: float) -> int:
    return int(seconds * SAMPLE_RATE)


@pytest.mark.parametrize(
    ("segment", "word"),
    [
        ("<s>", None),
        ("</s>", None),
        ("<sil>", None),
        ("[NOISE]", None),
        ("[COUGH]", None),
        ("++NOISE++", None),
        ("hello", "hello"),
        ("read(2)", "read"),
        ("a(13)", "a"),
        ("i'm", "i'm"),
    ],
)
def test_fillers_and_marks_go(segment: str, word: str | None) -> None:
    found = real_words([TimedWord(segment, 160, 320)])
    assert found == ([] if word is None else [TimedWord(word, 160, 320)])


Step = tuple[float, str, str, str]
"""When, the hypothesis, what is committed, and what is left."""


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [
                (1.0, "what is", "", "what is"),
                (1.3, "what is the", "", "what is the"),
                (1.4, "what is the", "what is", "the"),
                (1.7, "what is the", "the", ""),
            ],
            id="words that stay are committed",
        ),
        pytest.param(
            [
                (1.0, "what fish", "", "what fish"),
                (1.3, "what is", "", "what is"),
                (1.5, "what is", "what", "is"),
                (1.7, "what is", "is", ""),
            ],
            id="a word that changes begins anew",
        ),
        pytest.param(
            [
                (1.0, "a b c", "", "a b c"),
                (1.3, "x b c", "", "x b c"),
                (1.6, "x b c", "", "x b c"),
                (1.7, "x b c", "x b c", ""),
            ],
            id="and so do those after it",
        ),
        pytest.param(
            [
                (1.0, "what is", "", "what is"),
                (1.4, "what is", "what is", ""),
                (1.8, "but fish now", "", "now"),
                (2.2, "but fish now", "now", ""),
            ],
            id="what is committed stays, whatever is said of it later",
        ),
        pytest.param([(1.0, "", "", ""), (1.4, "", "", "")], id="nothing"),
        pytest.param(
            [(1.0, "one two", "", "one two"), (1.2, "one", "", "one"), (1.4, "one two", "one", "two")],
            id="a guess may shrink",
        ),
    ],
)
def test_commitment(steps: list[Step]) -> None:
    commitment = CommittedWords()
    for when, guess, committed, partial in steps:
        assert texts(commitment.revise(hypothesis(guess), heard(when))) == committed
        assert texts(list(commitment.partial)) == partial


def test_the_end_commits_the_rest() -> None:
    commitment = CommittedWords()
    commitment.revise(hypothesis("what is the"), heard(1))
    assert texts(commitment.revise(hypothesis("what is the"), heard(1.4))) == "what is the"
    commitment.revise(hypothesis("what is the tine"), heard(1.5))
    assert texts(commitment.conclude(hypothesis("what was that time now"))) == "time now"
    assert commitment.partial == ()


def test_a_word_may_move_a_little() -> None:
    commitment = CommittedWords()
    commitment.revise([TimedWord("yes", heard(0.2), heard(0.5))], heard(1))
    moved = TimedWord("yes", heard(0.2) + heard(0.1), heard(0.5))
    assert commitment.revise([moved], heard(1.4)) == [moved]


def test_a_word_elsewhere_is_another() -> None:
    commitment = CommittedWords()
    commitment.revise([TimedWord("yes", heard(0.2), heard(0.5))], heard(1))
    assert commitment.revise([TimedWord("yes", heard(0.6), heard(0.9))], heard(1.4)) == []


def test_a_word_that_reaches_into_what_is_committed_starts_at_its_end() -> None:
    commitment = CommittedWords()
    commitment.revise(hypothesis("one two"), heard(1))
    commitment.revise(hypothesis("one two"), heard(1.4))
    late = TimedWord("threefold", heard(0.4), heard(1.2))
    assert commitment.conclude([late]) == [TimedWord("threefold", heard(0.5), heard(1.2))]


def test_a_word_may_begin_with_the_first_sample() -> None:
    word = TimedWord("yes", 0, heard(0.3))
    assert CommittedWords().conclude([word]) == [word]


@pytest.mark.parametrize(("end", "known"), [(heard(0.6), True), (heard(0.6) + 1, False)])
def test_a_word_of_which_half_is_committed_is_known(end: int, known: bool) -> None:
    commitment = CommittedWords()
    commitment.conclude(hypothesis("one two"))
    assert (commitment.conclude([TimedWord("again", heard(0.4), end)]) == []) is known


guesses = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 4000), st.integers(160, 8000)), max_size=8), max_size=40
)


@given(guesses)
def test_words_are_given_once_in_order(plan: list[list[tuple[str, int, int]]]) -> None:
    commitment, given_words, now = CommittedWords(), list[TimedWord](), 0
    for number, guess in enumerate(plan):
        words, position = [], 0
        for text, gap, length in guess:
            words.append(TimedWord(text, position + gap, position + gap + length))
            position += gap + length
        now += 2 * FRAME
        last = number == len(plan) - 1
        given_words += commitment.conclude(words) if last else commitment.revise(words, now)
        partial = list(commitment.partial)
        bounds = [bound for word in given_words + partial for bound in (word.start, word.end)]
        assert bounds == sorted(bounds)
