import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.llm.reasoning import ReasoningFilter


def heard(*pieces: str, starts_inside: bool = False) -> str:
    thoughts = ReasoningFilter(starts_inside=starts_inside)
    return "".join([thoughts.feed(piece) for piece in pieces] + [thoughts.finish()])


HARMONY = (
    "<|channel|>analysis<|message|>They greet.<|end|><|start|>assistant<|channel|>final<|message|>Hello.<|return|>"
)


@pytest.mark.unmute("S10")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello there.", "Hello there."),
        ("<think>Hm.</think>Hello.", "Hello."),
        ("<think>\nHm.\n</think>\n\nHello.", "Hello."),
        ("<think>\n\n</think>\n\nHello.", "Hello."),
        (" \n<think>Hm.</think> Hello.", "Hello."),
        ("<THINK>Hm.</Think>Hello.", "Hello."),
        ("<thinking>Hm.</thinking>Hello.", "Hello."),
        ("<thought>Hm.</thought>Hello.", "Hello."),
        ("<reasoning>Hm.</reasoning>Hello.", "Hello."),
        ("<seed:think>Hm.</seed:think>Hello.", "Hello."),
        ("[THINK]Hm.[/THINK]Hello.", "Hello."),
        ("◁think▷Hm.◁/think▷Hello.", "Hello."),
        ("<think>Hm.</think><answer>Hello.</answer>", "Hello. "),
        ("<|START_THINKING|>Hm.<|END_THINKING|><|START_RESPONSE|>Hello.<|END_RESPONSE|>", "Hello. "),
        ("<|channel>thought\nHm.<channel|>Hello.", "Hello."),
        (HARMONY, "Hello."),
        ("<|channel|>final<|message|>Hello.", "Hello."),
        ("<think>One may <think> twice.</think>Hello.</think>", "Hello."),
        ("Hello.<think>Hm.</think>And you?", "Hello. And you?"),
        ("Hello.<|im_end|>", "Hello."),
        ("<think>It has no end.", ""),
        ("<think>It has no end.</thin", ""),
        ("I see. They greet.\n</think>\n\nHello.", "Hello."),
        ("</think>Hello.", "Hello."),
        ("</think>\n\n", ""),
        ("a < b", "a < b"),
        ("a <b> c", "a <b> c"),
        ("a <", "a <"),
        ("a <thin", "a <thin"),
        ("1<2 and 3>2, <thinker>", "1<2 and 3>2, <thinker>"),
        ("I think, I am thinking", "I think, I am thinking"),
        ("İ <think>İİ</think> İ", "İ   İ"),
        ("", ""),
    ],
)
def test_what_is_heard(text: str, expected: str) -> None:
    assert heard(text) == expected


@pytest.mark.parametrize("starts_inside", [False, True])
def test_a_thought_may_be_cut_anywhere(*, starts_inside: bool) -> None:
    assert heard(*HARMONY, starts_inside=starts_inside) == "Hello."
    assert heard(*"<think>Hm. </think> Hello.", starts_inside=starts_inside) == "Hello."


def test_a_thought_whose_beginning_was_not_told_is_withheld_where_one_is_expected() -> None:
    assert heard(*"They greet.\n</think>\n\nHello.", starts_inside=True) == "Hello."


def test_where_one_is_expected_and_none_comes_the_answer_is_heard_at_its_end() -> None:
    assert heard(*"Hello there.", starts_inside=True) == "Hello there."


def test_where_none_is_expected_it_is_told_afterwards() -> None:
    thoughts = ReasoningFilter()
    assert thoughts.feed("They gr") == "They gr"
    assert not thoughts.started_inside
    assert thoughts.feed("eet.</think> Hello.") == "Hello."
    assert thoughts.started_inside
    assert thoughts.found


def test_it_is_known_whether_there_is_a_thought_and_for_how_long() -> None:
    thoughts = ReasoningFilter()
    told = []
    for piece in ("", "<thi", "nk>", "Hm.", "</think", ">", "Hello."):
        thoughts.feed(piece)
        told.append((thoughts.found, thoughts.inside))
    assert told == [
        *[(False, False)] * 2,
        (False, True),
        *[(True, True)] * 2,
        *[(True, False)] * 2,
    ]


def test_an_empty_thought_is_none() -> None:
    thoughts = ReasoningFilter()
    thoughts.feed("<think>\n\n</think>\n\nHello.")
    assert not thoughts.found


def test_an_ordinary_sign_waits_for_no_more_than_the_next_letter() -> None:
    thoughts = ReasoningFilter()
    assert thoughts.feed("a <") == "a "
    assert thoughts.feed(" b") == "< b"
    assert thoughts.feed(" of") == " of"
    assert thoughts.feed(" <t") == " "
    assert thoughts.feed("o>") == "<to>"


def test_what_is_withheld_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.reasoning._MAX_BUFFERED", 10)
    assert heard("a" * 8, "b" * 8, "c</think> Hello.", starts_inside=True) == "Hello."
    assert heard("a" * 8, "b" * 8, "c", starts_inside=True) == "c"


MARKS = ("<think>", "</think>", "<thinking>", "</thinking>", "[THINK]", "[/THINK]")
FRAGMENTS = st.sampled_from([*MARKS, "<", ">", "</", "think", "<|", "final", "a", "b.", " ", "\n", "[", "é"])
PLAIN = st.lists(st.sampled_from(["<", ">", "</", "think", "<|", "a", "b.", " ", "\n", "[", "é"])).map("".join)


def in_pieces(text: str, cuts: list[int]) -> list[str]:
    bounds = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(bounds)]


@st.composite
def answers(draw: st.DrawFn) -> tuple[str, str]:
    """An answer with thoughts, and without."""
    text = expected = ""
    for part in draw(st.lists(PLAIN, max_size=5)):
        if re.search(r"<think|\[think|</think", text[-10:] + part):
            part = "a"  # noqa: PLW2901 - no mark may come about by chance
        thought = draw(PLAIN.filter(lambda plain: "</think" not in plain))
        text += f"{part} <think>{thought} </think> "
        expected += f"{part} "
    return text, expected


@given(answers(), st.lists(st.integers(0), max_size=20))
def test_heard_are_the_words_that_are_not_thought(answer: tuple[str, str], cuts: list[int]) -> None:
    text, expected = answer
    assert heard(*in_pieces(text, cuts)).split() == expected.split()


@given(PLAIN.filter(lambda text: "<think>" not in text and "</think>" not in text), st.lists(st.integers(0)))
def test_a_text_without_thoughts_stays_as_it_is(text: str, cuts: list[int]) -> None:
    assert heard(*in_pieces(text, cuts)) == text


@given(st.lists(FRAGMENTS).map("".join), st.lists(st.integers(0), max_size=20))
def test_it_does_not_matter_where_the_text_is_cut(text: str, cuts: list[int]) -> None:
    """Where one is expected that has no beginning; otherwise it matters, for what was heard cannot be taken back."""
    assert heard(*in_pieces(text, cuts), starts_inside=True).split() == heard(text, starts_inside=True).split()
