import pytest

from stt_proxy.engines.whisper.guard import beyond, is_speech, repeats, untangled
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.words import TimedWord


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("There is nothing better than a cup of tea after work.", False),
        ("no no no", False),
        ("bye bye", False),
        ("it is what it is", False),
        ("Ten of clubs. Ten of clubs.", True),
        ("I said so. I said so. I said so.", True),
        ("eight of spades, four of clubs, seven of hearts", False),
        (" ".join(["five"] * 60), True),
        (" ".join(["one two three four five six seven"] * 4), True),
        ("five five five five", False),
    ],
)
def test_a_text_that_repeats_itself(text: str, expected: bool) -> None:
    assert repeats(text.split()) is expected


@pytest.mark.parametrize(
    ("starts_s", "length_s", "expected"),
    [([], 1.0, False), ([0.1, 0.5], 1.0, False), ([0.1, 1.4], 1.0, False), ([0.1, 2.0], 1.0, True)],
)
def test_words_behind_the_audio(starts_s: list[float], length_s: float, expected: bool) -> None:
    words = [TimedWord("a", round(at * SAMPLE_RATE), round((at + 0.2) * SAMPLE_RATE)) for at in starts_s]
    assert beyond(words, round(length_s * SAMPLE_RATE)) is expected


def hypothesis(text: str, word_s: float = 0.3) -> list[TimedWord]:
    """Words, each as long as that."""
    length = round(word_s * SAMPLE_RATE)
    return [TimedWord(word, at * length, (at + 1) * length) for at, word in enumerate(text.split())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Can you hear me? Can you hear me?", "Can you hear me? Can you hear me?"),
        ("Well, " + "I said so. " * 3, "Well, I said so. I said so. I said so."),
        ("He went home. " + "And then he " * 6, "He went home. And then he"),
        ("And then he " * 6, ""),
        ("five " * 60, ""),
    ],
)
def test_what_is_left_of_a_text_that_repeats_itself(text: str, expected: str) -> None:
    words = hypothesis(text)
    assert " ".join(word.text for word in untangled(words, words[-1].end)) == expected


def test_a_second_time_that_takes_no_time_was_not_said() -> None:
    once, again = hypothesis("Well, can you hear me?"), hypothesis("can you hear me?", 0.05)
    end = once[-1].end
    words = [*once, *(TimedWord(word.text, end + word.start, end + word.end) for word in again)]
    assert untangled(words, end + again[-1].end) == once


def test_what_is_beyond_the_audio_is_left_out() -> None:
    assert untangled(hypothesis("one two three four"), round(0.7 * SAMPLE_RATE)) == hypothesis("one two three")


def test_more_words_than_can_be_said() -> None:
    words = [TimedWord("a", 0, 10)] * 30
    assert beyond(words, SAMPLE_RATE)
    assert not beyond(words, 5 * SAMPLE_RATE)


@pytest.mark.parametrize(
    ("score", "no_speech", "expected"),
    [
        (-0.2, 0.01, True),
        (-0.2, 0.9, True),
        (-1.4, 0.1, True),
        # Gaussian noise, a room, music: as they scored.
        (-1.65, 0.7, False),
        (-1.46, 0.49, False),
        (-2.67, 0.93, False),
        (-2.69, 0.34, False),
    ],
)
def test_what_is_speech(score: float, no_speech: float, expected: bool) -> None:
    assert is_speech(score, no_speech) is expected


@pytest.mark.parametrize(
    ("heard", "score", "no_speech", "certainty", "expected"),
    [
        # What hibari said, what was heard, and how it scored.
        ("mhm: okay?", -1.67, 0.06, 0.04, False),
        ("mhm: come on", -1.48, 0.07, 0.1, False),
        ("mm-hmm: mom", -1.3, 0.1, 0.06, False),
        ("mm: meh", -1.29, 0.25, 0.14, False),
        ("uh", -1.51, 0.18, 0.09, False),
        ("no", -0.99, 0.07, 0.9, True),
        ("yes", -0.56, 0.05, 0.41, True),
        ("wait", -1.48, 0.04, 0.91, True),
        ("a word of another language", -0.6, 0.05, 0.02, True),
    ],
)
def test_a_hum_is_of_no_language(heard: str, score: float, no_speech: float, certainty: float, expected: bool) -> None:
    assert is_speech(score, no_speech, certainty) is expected, heard
