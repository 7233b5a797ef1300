"""What a voice is given of each text of the table, and what does not depend on how the text comes."""
# ruff: noqa: RUF001 - typographic marks are what this is about

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.tts_proxy.spoken_text import texts
from tts_proxy.spoken.text import SpokenText, SpokenWord

ROWS = list(texts.rows())


def spoken(*pieces: str) -> list[SpokenWord]:
    text = SpokenText()
    return [word for piece in pieces for word in text.feed(piece)] + text.finish()


def test_the_table_is_as_wide_as_it_should_be() -> None:
    assert len(ROWS) >= 150
    assert len({row.text for row in ROWS}) >= 150
    assert len({row.language for row in ROWS}) >= 20


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.language}: {row.text}")
def test_what_a_voice_of_this_machine_is_given(row: texts.Row) -> None:
    read = texts.given(row.text, row.language)
    assert row.missed(read) == [], read
    assert row.too_much(read) == [], read


PIECES = st.lists(
    st.sampled_from(
        [
            *(
                "a",
                "5",
                "$",
                "*",
                "**",
                "_",
                "`",
                "```",
                "[",
                "](",
                ")",
                "(",
                "<",
                ">",
                "b",
                "/",
                "!--",
                "-->",
                " ",
                "\n",
                "\n\n",
            ),
            *(
                "laughs",
                "a long sigh",
                "break",
                'time="1s"',
                "x",
                "=",
                "+",
                "-",
                "|",
                "#",
                "\\(",
                "\\)",
                "$$",
                ".",
                ",",
                "好",
            ),
            *("。", "（笑）", "&lt;", "http://a.b/c", "\\frac{1}{2}", "^2", "1. ", "- ", "🙂", "!", "?", "[1]", "3"),
        ]
    ),
    max_size=24,
)


@st.composite
def cut_texts(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A text, and the same text in pieces."""
    text = draw(PIECES.map("".join) | st.sampled_from(ROWS).map(lambda row: row.text) | st.text())
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=12)))
    bounds = [0, *cuts, len(text)]
    return text, [text[start:end] for start, end in itertools.pairwise(bounds)]


@given(cut_texts())
@example(("*a long sigh* yes", ["*a ", "long", " sigh* y", "es"]))
@example(("$5a sigh$ x", ["$5a", " sigh$ x"]))
@example(("$。a$ ", ["$。", "a$ "]))
@example(("$5 and $7 then", ["$5 ", "and ", "$7 ", "then"]))
def test_where_a_text_is_cut_changes_nothing(cut: tuple[str, list[str]]) -> None:
    text, pieces = cut
    assert spoken(*pieces) == spoken(text)
    assert spoken(*text) == spoken(text)


@given(cut_texts())
def test_words_are_written_and_can_be_said(cut: tuple[str, list[str]]) -> None:
    for word in spoken(*cut[1]):
        assert word.written.strip()
        assert len(word.written.split()) == 1
        assert word.said == " ".join(word.said.split())
        assert word.said
        assert not set(word.said) & set("*_`[]{}|~“”‘’\0")


@given(st.text(st.characters(categories=["L", "N", "Zs"])))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert "".join(word.written for word in spoken(text)) == "".join(
        word for word in text.split() if any(map(str.isalnum, word))
    )


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("Hello there ", 2),
        ("Hello, *really* good ", 3),
        ("It costs $5 and more ", 5),
        ("a <b and c ", 4),
        ("I am (very tired) now ", 5),
        ("你好，世界。今天", 2),
        ("It is 5 *\nAnd more ", 5),
        ("This is [the_link", 2),
    ],
)
def test_words_do_not_wait_for_what_cannot_change_them(text: str, known: int) -> None:
    assert len(SpokenText().feed(text)) == known


@pytest.mark.parametrize("opening", ["\\(", "$x", "<b", "<!", "*a ", "(the ", "[x](a", "](", "$2 + ", "**", "- "])
def test_what_is_never_closed_is_spoken_soon(opening: str) -> None:
    text = SpokenText()
    text.feed(f"So {opening}")
    given = sum(len(word.written) + 1 for _ in range(400) for word in text.feed("word "))
    assert 400 * len("word ") - given <= 600


@pytest.mark.parametrize(
    ("text", "known"),
    [("Hello *a long ", 1), ("Say <break time=", 1), ("Take $x + ", 1), ("- milk and ", 1), ("It is 2 * ", 3)],
)
def test_words_wait_for_what_decides_about_them(text: str, known: int) -> None:
    assert len(SpokenText().feed(text)) == known
