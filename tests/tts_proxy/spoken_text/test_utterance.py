"""Written words around an engine that hears of spoken ones alone."""
# ruff: noqa: RUF001 - typographic marks are what this is about

from collections.abc import AsyncIterator

import pytest

from tts_proxy.engine import Audio, Event, Word
from tts_proxy.spoken.utterance import WrittenUtterance


class Reading:
    """An utterance that says one word a second, but for those that it leaves out, and some that nobody wrote."""

    def __init__(self, *, silent: frozenset[str] = frozenset(), unwritten: frozenset[str] = frozenset()) -> None:
        self.texts: list[str] = []
        self.finished = False
        self._silent = silent
        self._unwritten = unwritten

    async def speak(self, text: str) -> None:
        self.texts.append(text)

    async def finish(self) -> None:
        self.finished = True

    async def __aiter__(self) -> AsyncIterator[Event]:
        at = 0.0
        for word in " ".join(self.texts).split():
            if word in self._unwritten:
                yield Word("hm", at, at + 1)
            if word not in self._silent:
                yield Word(word, at, at + 1)
                yield Audio(bytes(4))
            at += 1


async def spoken(reading: Reading, *pieces: str) -> list[tuple[str, float, float]]:
    utterance = WrittenUtterance(reading)
    for piece in pieces:
        await utterance.speak(piece)
    await utterance.finish()
    assert reading.finished
    return [(event.text, event.start_s, event.stop_s) async for event in utterance if isinstance(event, Word)]


@pytest.mark.parametrize(
    ("pieces", "given", "words"),
    [
        (("Hello", "there."), "Hello there.", [("Hello", 0, 1), ("there.", 1, 2)]),
        (("**Hello**, `you`",), "Hello, you", [("**Hello**,", 0, 1), ("`you`", 1, 2)]),
        (("my_file", "is"), "my file is", [("my_file", 0, 2), ("is", 2, 3)]),
        (("*sighs*", "So", "it", "is."), "So it is.", [("So", 0, 1), ("it", 1, 2), ("is.", 2, 3)]),
        (("a", "[link](http://x)", "b"), "a link b", [("a", 0, 1), ("[link](http://x)", 1, 2), ("b", 2, 3)]),
        (("# Title", "\n\nText"), "Title. Text", [("Title", 0, 1), ("Text", 1, 2)]),
        (("你好，", "世界。"), "你好， 世界。", [("你好，", 0, 1), ("世界。", 1, 2)]),
        (
            ("one", "one", "C#", "one"),
            "one one C sharp one",
            [("one", 0, 1), ("one", 1, 2), ("C#", 2, 4), ("one", 4, 5)],
        ),
    ],
)
async def test_words_are_the_written_ones(
    pieces: tuple[str, ...], given: str, words: list[tuple[str, float, float]]
) -> None:
    reading = Reading()
    assert await spoken(reading, *pieces) == words
    assert " ".join(reading.texts) == given


async def test_an_engine_may_leave_words_out_and_say_others() -> None:
    reading = Reading(silent=frozenset({"file", "b", "?"}), unwritten=frozenset({"is"}))
    words = await spoken(reading, "a my_file is b ? good")
    assert [text for text, _, _ in words] == ["a", "my_file", "is", "good"]
    starts = [start for _, start, _ in words]
    assert starts == sorted(starts)


async def test_a_reply_that_is_not_spoken_gives_the_engine_nothing() -> None:
    reading = Reading()
    assert await spoken(reading, "*sighs*", "🙂", "---") == []
    assert reading.texts == []
