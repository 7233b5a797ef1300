# ruff: noqa: RUF001 - typographic marks are what this is about
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.text.writing import LONGEST_RUN, characters_in, parts_of


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("", []),
        ("word", ["word"]),
        ("a,b.c!d", ["a,b.c!d"]),
        ("你好，世界。", ["你好，", "世界。"]),
        ("「好。」然后", ["「好。」", "然后"]),
        ("好。。。吗", ["好。。。", "吗"]),
        ("。好", ["。", "好"]),
        ("12：30开会", ["12：30开会"]),
        ("他：30", ["他：", "30"]),
        ("3：好", ["3：", "好"]),
        ("中" * LONGEST_RUN, ["中" * LONGEST_RUN]),
        ("中" * LONGEST_RUN + "。", ["中" * LONGEST_RUN + "。"]),
        ("中" * (LONGEST_RUN + 1), ["中" * LONGEST_RUN, "中"]),
        ("GPT中文", ["GPT中文"]),
        ("ठीक।अच्छा", ["ठीक।", "अच्छा"]),
        ("نعم؟لا", ["نعم؟", "لا"]),
        ("ጥሩ።አዎ", ["ጥሩ።", "አዎ"]),
        ("បាទ។ទេ", ["បាទ។", "ទេ"]),
    ],
)
def test_a_word_is_cut_where_its_script_pauses(word: str, parts: list[str]) -> None:
    assert parts_of(word) == parts


words = st.text(st.sampled_from('a1中文あ。，：」」"')) | st.text()


@given(words)
def test_joined_parts_are_the_word(word: str) -> None:
    parts = parts_of(word)
    assert "".join(parts) == word
    assert all(parts)
    assert all(characters_in(part) <= LONGEST_RUN for part in parts)


@given(words, words)
def test_only_the_last_part_depends_on_what_follows(word: str, more: str) -> None:
    certain = parts_of(word)[:-1]
    assert parts_of(word + more)[: len(certain)] == certain
