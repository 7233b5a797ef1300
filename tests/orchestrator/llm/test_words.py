# ruff: noqa: RUF001 - the marks of many scripts are what this is about
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.llm.words import SpokenTextFilter, WordSplitter


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
    assert joined == (" " if text[:1].isspace() and text.strip() else "") + " ".join(text.split())


@given(cut_texts())
def test_no_word_is_empty_or_holds_white_space_inside(cut: tuple[str, list[str]]) -> None:
    for word in split(*cut[1]):
        assert word.strip()
        assert len(word.split()) == 1
        assert word.removeprefix(" ") == word.strip()


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
        (["foo\n\n", "bar"], ["foo", " bar"]),
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


def read_out(text: str) -> str:
    reading = SpokenTextFilter()
    return " ".join(filter(None, (reading.pronounceable(word) for word in split(text))))


@pytest.mark.unmute("S10", "B31")
@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("hello", "hello"),
        (" hello", "hello"),
        ("**bold**", "bold"),
        ("`code`", "code"),
        ("#1", "1"),
        ("snake_case", "snakecase"),
        ("don’t", "don't"),
        ("“Yes”", '"Yes"'),
        ("Well : yes", "Well yes"),
        ("Voici\u00a0: oui\u202f!", "Voici oui"),
        ("It is 10:30: late", "It is 10:30: late"),
        ("...", ""),
        ("—", ""),
        ("one - two", "one two"),
        ("***", ""),
        ("", ""),
        ("  ", ""),
        ("5", "5"),
        ("é", "é"),
        ("日本", "日本"),
        ("No!", "No!"),
        ("# A heading\n\nAnd text", "A heading And text"),
        ("* milk\n- eggs\n• tea\n1. nuts", "milk eggs tea 1. nuts"),
        ("---\n| a | b |\n|---|---|\n|c|d|", "a b c d"),
        ("see [the page](https://example.com/a_(b)?c=d).", "see the page."),
        ("see [the page](https://example.com/a?c=d), then", "see the page, then"),
        ("[home](/index.html)", "home"),
        ("see https://www.example.com/a/b?c=d#e.", "see example.com."),
        ("see <http://example.com>, too", "see example.com, too"),
        ("see example.com/a", "see example.com/a"),
        ("2 + 2 = 4 & 5 % < 6", "2 + 2 = 4 & 5 % < 6"),
        ("It costs 5 %. Or 6 €?", "It costs 5 %. Or 6 €?"),
        ("Q&amp;A", "Q&A"),
        ("one<br>two <b>three</b>", "one two three"),
        ("a <b and c> d", "a <b and c> d"),
        ("🙂", ""),
        ("Great!🙂👍🏽 Really ❤️", "Great! Really"),
        ("👩‍👩‍👧 and 🇫🇷 flags", "and flags"),
        ("1️⃣ first", "1 first"),
        ("20°C, No. 5, ½ ©", "20°C, No. 5, ½"),
        ("Like this:\n```python\nprint(1)\n```\nDone.", "Like this: Done."),
        ("Type ```ls``` there.", "Type there."),
        ("Type ```ls -l``` there.", "Type there."),
        ("So: ```\nrm", "So:"),
        ("नमस्ते", "नमस्ते"),
    ],
)
def test_what_the_voice_is_given(text: str, spoken: str) -> None:
    assert read_out(text) == spoken


@given(st.text())
def test_what_the_voice_is_given_can_be_said(word: str) -> None:
    spoken = SpokenTextFilter().pronounceable(word)
    assert spoken == " ".join(spoken.split())
    assert not spoken or spoken[0] in "+=%&@§€$£×÷<>" or any(character.isalnum() for character in spoken)
    assert not set(spoken) & set("*_`#“”‘’")


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
