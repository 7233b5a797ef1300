"""When a reply ends that is too long, or goes round in circles."""

import itertools

import pytest

from orchestrator.llm.reply_limit import REPEATS, ReplyLength

SENTENCE = [f"word{n}" for n in range(9)] + ["end."]


def said(words: list[str], limit: ReplyLength, seconds_each: float = 0.0) -> tuple[int, str | None]:
    """How many of the words are said, and why no more."""
    for number, word in enumerate(words):
        if why := limit.refuses(word, number * seconds_each):
            return number, why
    return len(words), None


def numbered(count: int, ending: str = "") -> list[str]:
    return [f"word{n}{ending}" for n in range(count)]


@pytest.mark.parametrize(
    ("words", "count", "why"),
    [
        (numbered(30), 30, None),
        ([*numbered(29), "end.", "more"], 30, "it is longer than 30 words"),
        ([*numbered(34), "end.", "more"], 35, "it is longer than 30 words"),
        (numbered(200), 80, "it is longer than 30 words"),
        (["x" * 1_000] * 9, 2, "it is longer than 30 words"),
        (["字字字字字字字字字。"] * 40, 30, "it is longer than 30 words"),
    ],
    ids=["a whole reply", "a sentence that ends there", "to its end", "endless", "without spaces", "Chinese"],
)
def test_words(words: list[str], count: int, why: str | None) -> None:
    assert said(words, ReplyLength(30, 999.0)) == (count, why)


def test_seconds() -> None:
    assert said(numbered(100, "."), ReplyLength(999, 10.0), 1.0) == (10, "it takes longer than 10 s")
    assert said(numbered(100), ReplyLength(999, 10.0), 1.0) == (25, "it takes longer than 10 s")


@pytest.mark.parametrize("length", [1, 2, 3, 7, 25, 40])
def test_a_circle_is_noticed(length: int) -> None:
    circle = list(itertools.islice(itertools.cycle(numbered(length)), 1_000))
    count, why = said(["So,", "here", "is", "what", "I", "think:", *circle], ReplyLength(9_999, 999.0))
    assert (120 <= count <= 160, why) == (True, REPEATS)


def test_a_refrain_is_no_circle() -> None:
    refrain = ["row,", "row,", "row", "your", "boat"] * 3
    song = [word for verse in range(9) for word in [*numbered(20, f"v{verse}"), *refrain]]
    assert said(song, ReplyLength(9_999, 999.0)) == (len(song), None)
    counting = [f"{n}," for n in range(1_000)]
    assert said(counting, ReplyLength(9_999, 999.0)) == (1_000, None)
