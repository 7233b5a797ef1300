import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.text.marks import unmarked


@pytest.mark.parametrize(
    ("word", "seen"),
    [
        ("hello", "hello"),
        ("**bold**,", "bold,"),
        ("*so*", "so"),
        ("_so_", "so"),
        ("__init__", "init"),
        ("~~no~~", "no"),
        ("`code`!", "code!"),
        ("==red==", "red"),
        ("a==b", "a==b"),
        ("[this](http://x/a_(b))", "this"),
        ("page](http://x/?a=b),", "page,"),
        ("[the", "the"),
        ("[1][2]", "[1][2]"),
        ("a[0]", "a[0]"),
        ("5*3", "5*3"),
        ("3**2", "3**2"),
        ("a*b", "a*b"),
        ("(x)*(y)", "(x)*(y)"),
        ("my_file", "my_file"),
        ("C#", "C#"),
        ("<b>three</b>", "three"),
        ("`<b>`", "<b>"),
        ("Q&amp;A", "Q&A"),
        ("&lt;b&gt;", "<b>"),
        (r"\*star\*", "star"),
        (r"\#1", "#1"),
        (r"a\_b", "a_b"),
        ("<https://example.com>", "https://example.com"),
        ("重要**的**事", "重要的事"),
        ("***", ""),
        ("don’t", "don’t"),  # noqa: RUF001 - it stays as it was written
    ],
)
def test_a_word_as_a_reader_sees_it(word: str, seen: str) -> None:
    assert unmarked(word) == seen


@given(st.text())
def test_no_word_is_too_strange(word: str) -> None:
    assert "`" not in unmarked(word)
