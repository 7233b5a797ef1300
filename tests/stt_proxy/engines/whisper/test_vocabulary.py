from pathlib import Path

import pytest

from stt_proxy.engines.whisper.vocabulary import Vocabulary

TOKENS = [
    "!",
    "Ġa",
    "Ġtea",
    "time",
    ".",
    "Ġ-",
    "Ġna",
    "Ã",
    "¯",
    "ve",
    "ä»",
    "Ĭ",
    "æĹ¥",
    "ãĢĤ",
    "<|endoftext|>",
    "<|en|>",
]


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    file = tmp_path / "vocabulary.txt"
    file.write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    return Vocabulary(file)


def numbers(*tokens: str) -> list[int]:
    return [TOKENS.index(token) for token in tokens]


def test_marks(vocabulary: Vocabulary) -> None:
    assert vocabulary.end == TOKENS.index("<|endoftext|>")
    assert vocabulary.mark("en") == TOKENS.index("<|en|>")
    with pytest.raises(KeyError):
        vocabulary.mark("xx")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        ([], []),
        (["Ġa", "Ġtea", "time", "."], [("a", 0, 1), ("teatime.", 1, 4)]),
        (["Ġa", "Ġ-", "Ġtea"], [("a", 0, 2), ("tea", 2, 3)]),
        (["Ġna", "Ã", "¯", "ve", "!"], [("naïve!", 0, 5)]),
        (["."], []),
        (["Ġ-", "Ġa"], [("a", 1, 2)]),
    ],
)
def test_words_with_spaces_between_them(
    vocabulary: Vocabulary, tokens: list[str], words: list[tuple[str, int, int]]
) -> None:
    assert [tuple(word) for word in vocabulary.words(numbers(*tokens), spaced=True)] == words


def test_each_character_is_a_word_where_there_are_no_spaces(vocabulary: Vocabulary) -> None:
    words = list(vocabulary.words(numbers("ä»", "Ĭ", "æĹ¥", "ãĢĤ"), spaced=False))
    assert [word.text for word in words] == ["今", "日。"]
    assert [(word.first, word.behind) for word in words] == [(0, 2), (2, 4)]


def test_bytes_that_are_no_character(vocabulary: Vocabulary) -> None:
    assert vocabulary.text(numbers("Ġa", "Ã")) == " a\N{REPLACEMENT CHARACTER}"
