# ruff: noqa: RUF001 - text in many scripts is what this is about
import json
from pathlib import Path

import pytest
from hibari.tts import ASSETS
from hypothesis import given
from hypothesis import strategies as st

from tts_proxy.clauses.script import Script, script_of
from tts_proxy.clauses.splitting import Clause, Ending
from tts_proxy.engines.hibari.pronunciation import MOST_PHONEMES, Pronunciation, is_readable, readable

NUMBERS = json.loads((Path(ASSETS) / "vocab.json").read_text())
PHONEMES = {number: phoneme for phoneme, number in NUMBERS.items()}
US = Pronunciation(british=False, numbers=NUMBERS)


def script(text: str) -> Script:
    return script_of(Clause(tuple(text.split()), Ending.SENTENCE))


def heard(text: str, pronunciation: Pronunciation = US) -> str:
    return "|".join(
        "".join(PHONEMES[number] for number in piece.phonemes[1:-1]) for piece in pronunciation.pieces(script(text))
    )


def known(text: str) -> list[str]:
    """The written words whose start is known, in the order in which they are spoken."""
    made = script(text)
    words = {word.start: word.text for word in made.words}
    return [words[start.position] for piece in US.pieces(made) for start in piece.starts if start.position in words]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there, friend.", ["Hello", "there,", "friend."]),
        ("Meet me at 8:15 pm on Monday.", ["Meet", "me", "at", "8:15", "on", "Monday."]),
        ("It costs $42.50 or 1,250 yen.", ["It", "costs", "$42.50", "or", "1,250", "yen."]),
        ("Dr. Smith lives on Oak St.", ["Dr.", "Smith", "lives", "on", "Oak", "St."]),
        ("On 3/4/2024 we met.", ["On", "3/4/2024", "we", "met."]),
        ("March 3rd, 2021 was cold.", ["March", "3rd,", "2021", "was", "cold."]),
        ("GPT-4o and AT&T work.", ["GPT-4o", "AT&T", "work."]),
        ("A 5 km run", ["A", "5", "km", "run"]),
        ("**Well** — yes (no).", ["**Well**", "yes", "(no)."]),
    ],
)
def test_spoken_words_are_found_in_what_was_written(text: str, expected: list[str]) -> None:
    assert [word for word in known(text) if word in expected] == expected


def test_a_start_is_the_words_first_phoneme() -> None:
    made = script("Big cats purr.")
    (piece,) = US.pieces(made)
    assert [PHONEMES[piece.phonemes[start.phoneme]] for start in piece.starts] == ["b", "k", "p"]
    assert [start.position for start in piece.starts] == [word.start for word in made.words]


def test_accents_differ() -> None:
    assert heard("Tomato.") != heard("Tomato.", Pronunciation(british=True, numbers=NUMBERS))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("naïve", "naïve"),
        ("ｈｉ", "hi"),
        ("ﬁne", "fine"),
        ("٣٤", "34"),
        ("x² ½ ⅓", "x² ½ 1/3"),
        ("Привет", ""),
        ("αβ-x", "-x"),
        ("❶", ""),
        ("4111111111111111", "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1"),
        ("123456789012345", "123456789012345"),
    ],
)
def test_only_what_hibari_can_read_is_given_to_it(written: str, read: str) -> None:
    assert readable(written) == read


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Hello,", True),
        ("5", True),
        ("%", True),
        ("Привет", False),
        ("你好。", False),
        ("—", False),
        ("β-blocker", True),
    ],
)
def test_a_word_with_a_latin_letter_or_a_number_is_readable(word: str, expected: bool) -> None:
    assert is_readable(word) is expected


def test_a_long_clause_is_spoken_in_pieces() -> None:
    pieces = US.pieces(script("1,234,567,890 " * 8))
    assert len(pieces) > 1
    assert all(len(piece.phonemes) <= MOST_PHONEMES + 1 for piece in pieces)
    assert sum(len(piece.starts) for piece in pieces) == 8


signs = st.characters(categories=["L", "M", "N", "P", "S", "Zs"]) | st.sampled_from("0123456789.,:/$%'-—abcABC ")


@given(st.text(signs, max_size=120))
def test_any_text_can_be_read(text: str) -> None:
    made = script(text)
    for piece in US.pieces(made):
        assert all(number in PHONEMES for number in piece.phonemes[1:-1])
        assert all(0 < start.phoneme < len(piece.phonemes) - 1 for start in piece.starts)
        assert all(0 <= start.position < len(made.text) for start in piece.starts)
