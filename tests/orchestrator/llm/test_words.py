# ruff: noqa: RUF001 - the marks of many scripts are what this is about
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.llm.words import WordSplitter


def split(*pieces: str) -> list[str]:
    splitter = WordSplitter()
    return [word for piece in pieces for word in splitter.feed(piece)] + splitter.finish()


TEXTS = st.text(alphabet=st.sampled_from("ab,é. \n\t\u00a0\u20031中。，」")) | st.text()


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and the same text in pieces."""
    text = draw(TEXTS)
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    bounds = [0, *cuts, len(text)]
    return text, [text[start:end] for start, end in itertools.pairwise(bounds)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("你好，世界。今天好吗？", ["你好，", "世界。", "今天好吗？"]),
        ("他说：「好。」 走了", ["他说：", "「好。」", " 走了"]),
        ("今天天气非常好我们一起去", ["今天天气非常好我们一", "起去"]),
        ("こんにちは、世界。", ["こんにちは、", "世界。"]),
        ("안녕하세요, 여러분.", ["안녕하세요,", " 여러분."]),
        ("مرحبا، كيف حالك؟", ["مرحبا،", " كيف", " حالك؟"]),
        ("မင်္ဂလာပါ၊ကမ္ဘာ။", ["မင်္ဂလာပါ၊", "ကမ္ဘာ။"]),
        ("wait…what, no,yes", ["wait…what,", " no,yes"]),
    ],
)
def test_clauses_of_a_script_without_spaces_are_words(text: str, words: list[str]) -> None:
    assert split(text) == words
    assert split(*text) == words


def test_a_clause_without_spaces_is_given_as_soon_as_the_next_begins() -> None:
    splitter = WordSplitter()
    assert [splitter.feed(character) for character in "你好，世"] == [[], [], [], ["你好，"]]
    assert splitter.finish() == ["世"]


@given(cut_texts())
def test_words_do_not_depend_on_where_the_text_is_cut(cut: tuple[str, list[str]]) -> None:
    text, pieces = cut
    assert split(*pieces) == split(text)


@given(TEXTS)
def test_joined_words_are_the_text_with_its_white_space_collapsed(text: str) -> None:
    joined = "".join(split(text))
    assert joined.split() == text.split()
    assert " ".join(joined.split()) == " ".join(text.split())
    assert joined[:1].isspace() == (text[:1].isspace() and bool(text.strip()))
    assert joined.count("\n\n\n") == joined.count("  ") == 0


@given(cut_texts())
def test_no_word_is_empty_or_holds_white_space_inside(cut: tuple[str, list[str]]) -> None:
    for word in split(*cut[1]):
        assert word.strip()
        assert len(word.split()) == 1
        assert word in {word.strip(), *(f"{space}{word.strip()}" for space in (" ", "\n", "\n\n"))}


@pytest.mark.unmute("S10")
@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ([], []),
        ([""], []),
        ([" ", "\n"], []),
        (["foo"], ["foo"]),
        (["  foo bar"], [" foo", " bar"]),
        (["fo", "o b", "ar "], ["foo", " bar"]),
        (["foo", " ", " ", "bar"], ["foo", " bar"]),
        (["foo\n\n", "bar"], ["foo", "\n\nbar"]),
        (["foo \n ", "\n\n bar\n- ", "baz"], ["foo", "\n\nbar", "\n-", " baz"]),
        (["don", "'t"], ["don't"]),
    ],
)
def test_splitting(pieces: list[str], words: list[str]) -> None:
    assert split(*pieces) == words


def test_a_word_is_given_as_soon_as_white_space_follows_it() -> None:
    splitter = WordSplitter()
    assert splitter.feed("Hel") == []
    assert splitter.feed("lo") == []
    assert splitter.feed(" ") == ["Hello"]
    assert splitter.feed("the") == []
    assert splitter.finish() == [" the"]


@given(cut_texts())
def test_words_are_of_bounded_length(cut: tuple[str, list[str]]) -> None:
    """However they come, and with nothing lost."""
    text, pieces = cut
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("orchestrator.llm.words._LONGEST", 3)
        words = split(*pieces)
        assert words == split(text)
        assert all(len(word) <= 3 for word in words)
    assert "".join(words) == "".join(split(text))


def test_a_splitter_starts_afresh_after_its_end() -> None:
    splitter = WordSplitter()
    splitter.feed("one")
    splitter.finish()
    assert splitter.finish() == []
    assert splitter.feed("two ") == ["two"]


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        (["Oh \ud83d", "\ude42 yes"], ["Oh", " 🙂", " yes"]),
        (["e", "\u0301a"], ["e\u0301a"]),
        (["👩", "\u200d👧"], ["👩\u200d👧"]),
        (["half \ud83d", " gone"], ["half", " \ufffd", " gone"]),
        (["half \ude42"], ["half", " \ufffd"]),
    ],
)
def test_letters_that_come_in_pieces_are_put_together(pieces: list[str], words: list[str]) -> None:
    assert split(*pieces) == words


@given(st.lists(st.text(st.characters(categories=["Cs", "Lu", "Zs"]))))
def test_every_word_can_be_sent(pieces: list[str]) -> None:
    for word in split(*pieces):
        word.encode()
