# ruff: noqa: RUF001 - typographic marks are what this is about
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_proxy.clauses.script import Script, script_of
from tts_proxy.clauses.splitting import Clause, Ending


def script(text: str, ending: Ending = Ending.SENTENCE) -> Script:
    return script_of(Clause(tuple(text.split()), ending))


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Hello, world!", "Hello, world!"),
        ("**bold** and _slanted_ `code`", "bold and slanted code"),
        ("snake_case", "snake case"),
        ("It’s ‘quoted’", "It's quoted'"),
        ("“Yes,” (she) [said]", "Yes, she said"),
        ("Great! 🎉 👍🏽", "Great!"),
        ("👩‍👩‍👧", ""),
        ("# Title", "Title"),
        ("- one", "one"),
        ("* * *", ""),
        ("... ! : —", ""),
        ("Ça va ?", "Ça va?"),
        ("one — two", "one— two"),
        ("word—word", "word—word"),
        ("-5 .5 3.5 1,000 10:30", "-5 .5 3.5 1,000 10:30"),
        ("-x ...so", "x so"),
        ("$3.50 50% 20°C AT&T a+b=c", "$3.50 50% 20°C AT&T a+b=c"),
        ("5 + 3 = 8", "5 + 3 = 8"),
        ("a\x00b \x1b[1m", "ab 1m"),
        ("e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}", "été"),
        ("Привет 你好 مرحبا", "Привет 你好 مرحبا"),
        ("ｈ\N{ZERO WIDTH SPACE}i\N{SOFT HYPHEN}", "ｈi"),
    ],
)
def test_keeps_what_can_be_said(written: str, spoken: str) -> None:
    assert script(written).text == spoken


def test_remembers_which_part_is_which_word() -> None:
    made = script("**Well,** — my_friend 😀 (yes).")
    assert [(word.text, made.text[word.start : word.stop]) for word in made.words] == [
        ("**Well,**", "Well,"),
        ("my_friend", "my friend"),
        ("(yes).", "yes."),
    ]


def test_long_words_are_read_in_parts_but_stay_one() -> None:
    made = script("Donaudampfschifffahrtsgesellschaftskapitän, ahoi")
    assert made.text == "Donaudampfschifffahrtsgesellsc haftskapitän, ahoi"
    assert [(word.start, word.stop) for word in made.words] == [(0, 44), (45, 49)]


def test_a_cut_is_not_intoned_as_an_end() -> None:
    assert script("I believe that", Ending.CUT).text == "I believe that,"
    assert script("😀", Ending.CUT).text == ""


@given(st.text(max_size=200))
def test_every_word_is_somewhere_in_the_script(text: str) -> None:
    made = script(text)
    written = iter(text.split())
    position = 0
    for word in made.words:
        assert word.text in written
        assert position <= word.start < word.stop <= len(made.text)
        assert made.text[word.start : word.stop].strip()
        position = word.stop
    assert bool(made.words) == bool(made.text)
    assert max(map(len, made.text.split()), default=0) < 30 + len(text.split())
    assert "\0" not in made.text
