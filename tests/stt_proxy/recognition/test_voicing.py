import pytest

from stt_proxy.recognition.voicing import Voicing
from stt_proxy.recognition.words import TimedWord


def voicing(chunks: str) -> Voicing:
    """Chunks of 100 samples: speech (#) or not (.)."""
    found = Voicing(100)
    for chunk in chunks:
        found.feed(0.9 if chunk == "#" else 0.1)
    return found


@pytest.mark.parametrize(
    ("chunks", "start", "end", "holds"),
    [
        ("####", 0, 400, True),
        ("....", 0, 400, False),
        ("##..", 0, 400, True),
        ("#...", 0, 400, False),
        ("..##", 150, 260, True),
        ("..##", 0, 200, False),
        ("####", 350, 900, True),
        ("####", 400, 900, False),
    ],
)
def test_words_have_to_be_speech(chunks: str, start: int, end: int, *, holds: bool) -> None:
    assert voicing(chunks).holds(TimedWord("word", start, end)) is holds


def test_what_is_forgotten_leaves_the_rest_in_place() -> None:
    found = voicing("....##....")
    found.forget(350)
    found.forget(200)
    assert found.holds(TimedWord("word", 400, 600))
    assert not found.holds(TimedWord("word", 600, 1000))
