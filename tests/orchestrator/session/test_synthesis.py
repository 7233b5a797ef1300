"""Which of the written words a synthesis has spoken, by the words that it times."""

import asyncio

import pytest

from orchestrator.session.synthesis import SpokenWords, WrittenText


@pytest.mark.parametrize(
    ("written", "timed", "counts"),
    [
        ("One two three.", "One two three.", [1, 2, 3]),
        ("**One** — `two`", "**One** `two`", [1, 3]),
        ("One - two", "One two", [1, 3]),
        ("It is 5 %", "It is 5 %", [1, 2, 3, 4]),
        ("well-known people", "well known people", [0, 1, 2]),
        ("— well-known people", "well known people", [1, 2, 3]),
        ("One two three", "One three", [1, 3]),
        ("One $x^2$ two", "One squared two", [1, 1, 3]),
        ("the the end", "the the end", [1, 2, 3]),
        ("One", "One more", [1, 1]),
    ],
)
def test_timed_words_are_found_among_the_written(written: str, timed: str, counts: list[int]) -> None:
    words = SpokenWords(written.split(), 0)
    assert [words.time(word) for word in timed.split()] == counts


def test_a_synthesis_may_begin_in_the_middle() -> None:
    words = SpokenWords(["One", " two", "\n\n* one"], 1)
    assert words.time("two") == 2


async def test_several_read_the_text_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.session.synthesis._WORDS_AHEAD", 1)
    text = WrittenText()

    async def read(first: int) -> list[str]:
        words, at = [], first
        while (word := await text.read(at)) is not None:
            words.append(word)
            at += 1
        return words

    one, other = asyncio.create_task(read(0)), asyncio.create_task(read(2))
    for word in ("a", " b", " c"):
        text.add(word)
        await text.until_read()
    text.end()
    assert (await one, await other) == (["a", " b", " c"], [" c"])
