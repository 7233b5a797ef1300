import json
from typing import Any

import numpy as np
import pytest

from mesh.errors import UpstreamDown
from stt_proxy.engines.openai.transcript import transcript_of, words_of
from stt_proxy.recognition import SAMPLE_RATE

WINDOW = np.zeros(4 * SAMPLE_RATE, np.float32)
WINDOW[SAMPLE_RATE : 3 * SAMPLE_RATE] = 0.1


def words(**answer: Any) -> list[tuple[str, float, float]]:
    body = json.dumps({"text": "", **answer}).encode()
    found = words_of(transcript_of(body), WINDOW)
    return [(each.text, each.start / SAMPLE_RATE, each.end / SAMPLE_RATE) for each in found]


def word(text: str, start: float, end: float) -> dict[str, Any]:
    return {"word": text, "start": start, "end": end}


def segment(text: str, start: float, end: float, **more: Any) -> dict[str, Any]:
    return {"id": 0, "text": text, "start": start, "end": end, **more}


def test_words_with_times_are_taken_as_they_are() -> None:
    found = words(text="Hello, you.", language="english", words=[word("Hello", 1.0, 1.5), word("you", 2.0, 2.5)])
    assert found == [("Hello", 1.0, 1.5), ("you", 2.0, 2.5)]


def test_words_may_be_told_in_segments() -> None:
    inside = [word(" Hello,", 1.0, 1.5), word(" you", 2.0, 2.5), word(" .", 2.5, 2.5)]
    assert words(text="Hello, you .", segments=[segment("Hello, you .", 1, 3, words=inside)]) == [
        ("Hello,", 1.0, 1.5),
        ("you", 2.0, 2.5),
    ]


def test_one_word_may_hold_several() -> None:
    assert words(text="of course", words=[word("of course", 1.0, 2.0)]) == [("of", 1.0, 1.3), ("course", 1.3, 2.0)]


def test_segments_alone_are_spread_over_their_time() -> None:
    assert words(text="no yes", segments=[segment(" no", 1.0, 1.5), segment(" yes", 2.0, 2.5)]) == [
        ("no", 1.0, 1.5),
        ("yes", 2.0, 2.5),
    ]


def test_a_text_alone_is_spread_over_what_is_loud() -> None:
    assert words(text="abc abc") == [("abc", 1.0, 2.0), ("abc", 2.0, 3.0)]


@pytest.mark.parametrize(
    "doubt", [{"no_speech_prob": 0.9, "avg_logprob": -1.5}, {"compression_ratio": 3.0, "avg_logprob": -0.1}]
)
def test_what_the_model_does_not_believe_is_left_out(doubt: dict[str, float]) -> None:
    given = [word("Hello", 1.0, 1.5), word("Thanks", 2.6, 2.9)]
    good = segment("Hello", 1, 2, no_speech_prob=0.1, avg_logprob=-0.2, compression_ratio=1.1)
    bad = segment("Thanks", 2.5, 3, **doubt)
    assert words(text="Hello Thanks", words=given, segments=[good, bad]) == [("Hello", 1.0, 1.5)]
    assert words(text="Thanks", words=given[1:], segments=[bad]) == []


def test_words_are_in_order_and_in_the_window() -> None:
    given = [word("a", 2.0, 2.2), word("b", 1.0, 1.2), word("c", 3.9, 9.0), word("d", 8.0, 9.0)]
    assert words(text="a b c d", words=given) == [("a", 2.0, 2.2), ("b", 2.0, 2.0), ("c", 3.9, 4.0)]


def test_nothing_said_is_no_word() -> None:
    assert words(text="") == []
    assert words(text="", segments=[], words=[]) == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"text": 7}', b'{"text": "", "words": 7}', b"[" * 9999])
def test_nonsense_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamDown):
        transcript_of(body)
