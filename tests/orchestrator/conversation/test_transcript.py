"""What the language model is shown of a conversation."""

import pytest

from orchestrator.conversation.transcript import (
    Item,
    Message,
    Role,
    Transcript,
    begins_with,
    bounded,
    is_same,
    size,
    unheard,
)
from tests.orchestrator.conversation.notation import assistant, system, user

HI, YES = (Role.USER, "Hi."), (Role.ASSISTANT, "Yes?")
SILENCE = (Role.USER, "...")

MESSAGES = [
    pytest.param([], [user("Hello!")], id="nothing yet: the person is taken to have said hello"),
    pytest.param([HI], [user("Hi.")], id="a turn"),
    pytest.param([HI, YES], [user("Hi."), assistant("Yes?")], id="both sides"),
    pytest.param([YES], [user("Hello."), assistant("Yes?")], id="the model spoke first"),
    pytest.param(
        [YES, HI],
        [user("Hello."), assistant("Yes?"), user("Hi.")],
        id="the model spoke first, and was answered",
    ),
    pytest.param([HI, (Role.USER, "Well?")], [user("Hi. Well?")], id="two turns of one side are one message"),
    pytest.param(
        [HI, YES, (Role.ASSISTANT, "Go on.")],
        [user("Hi."), assistant("Yes? Go on.")],
        id="of either side",
    ),
    pytest.param([HI, (Role.USER, ""), YES, (Role.ASSISTANT, " \n")], [user("Hi."), assistant("Yes?")], id="blanks"),
    pytest.param([(Role.USER, "  Hi. ")], [user("Hi.")], id="blanks around words"),
    pytest.param([SILENCE], [user("...")], id="a silence"),
    pytest.param([SILENCE, SILENCE, SILENCE], [user("...")], id="silences in a row are one"),
    pytest.param([SILENCE, HI], [user("Hi.")], id="a silence before words says nothing"),
    pytest.param([HI, SILENCE], [user("Hi.")], id="nor does one after words"),
    pytest.param([SILENCE, SILENCE, HI, SILENCE, HI], [user("Hi. Hi.")], id="nor do many"),
    pytest.param(
        [HI, YES, SILENCE, YES, SILENCE],
        [user("Hi."), assistant("Yes?"), user("..."), assistant("Yes?"), user("...")],
        id="silences that were answered stay",
    ),
    pytest.param([(Role.USER, "...or not.")], [user("or not.")], id="a silence that runs into words"),
    pytest.param([(Role.USER, "... X is it.")], [user("X is it.")], id="and no letter is lost"),
    pytest.param([(Role.USER, "... ... Hi.")], [user("Hi.")], id="so do several, and no blank is left"),
    pytest.param([(Role.USER, "... ...")], [user("...")], id="silences that were merged are one"),
    pytest.param([(Role.USER, "..well")], [user("..well")], id="two dots are no silence"),
    pytest.param([(Role.USER, "... well —")], [user("well")], id="a silence before, and cut off after"),
    pytest.param([(Role.USER, "Or... not...")], [user("Or... not...")], id="dots within words are the person's own"),
    pytest.param(
        [(Role.USER, "Hi."), (Role.ASSISTANT, "...well")], [user("Hi."), assistant("...well")], id="the model's too"
    ),
    pytest.param(
        [HI, (Role.ASSISTANT, "I thought —")], [user("Hi."), assistant("I thought")], id="where it was cut off"
    ),
    pytest.param(
        [HI, (Role.ASSISTANT, "I thought—"), HI], [user("Hi."), assistant("I thought"), user("Hi.")], id="in a word"
    ),
    pytest.param(
        [HI, (Role.ASSISTANT, "I — we — know")], [user("Hi."), assistant("I — we — know")], id="dashes within stay"
    ),
    pytest.param(
        [HI, (Role.ASSISTANT, "—"), HI], [user("Hi. Hi.")], id="cut off before a word: the turns around it meet"
    ),
    pytest.param([(Role.USER, "X")], [user("X")], id="a single letter"),
    pytest.param([(Role.USER, " — — ")], [user("Hello!")], id="nothing but dashes"),
    pytest.param([SILENCE, (Role.ASSISTANT, "—"), SILENCE], [user("...")], id="silences that meet so are one"),
    pytest.param(
        [SILENCE, (Role.ASSISTANT, "—"), HI], [user("Hi.")], id="nor is there a blank before words that meet one"
    ),
]


@pytest.mark.unmute("S10", "B28")
@pytest.mark.parametrize(("turns", "messages"), MESSAGES)
@pytest.mark.parametrize("instructions", [None, "", "Be kind."])
def test_messages(turns: list[tuple[Role, str]], messages: list[Message], instructions: str | None) -> None:
    transcript = Transcript()
    for number, (role, text) in enumerate(turns):
        transcript.add(f"item_{number}", role, text)

    shown = transcript.messages(instructions)

    assert shown == ([system("Be kind."), *messages] if instructions else messages)


def test_each_turn_is_an_item_of_its_own() -> None:
    transcript = Transcript()
    transcript.add("item_1", Role.USER, "Hi.")
    transcript.add("item_2", Role.ASSISTANT, " ")
    transcript.add("item_3", Role.USER, "...")

    assert [(item.item_id, item.text) for item in transcript.items] == [("item_1", "Hi."), ("item_3", "...")]


def test_a_turn_is_kept_without_the_blanks_around_it() -> None:
    transcript = Transcript()
    transcript.add("item_1", Role.ASSISTANT, " Yes?\n")

    assert [item.text for item in transcript.items] == ["Yes?"]


def test_asking_for_messages_changes_nothing() -> None:
    transcript = Transcript()
    transcript.add("item_1", Role.ASSISTANT, "Yes?")
    transcript.add("item_2", Role.ASSISTANT, "Go on.")

    assert transcript.messages(None) == transcript.messages(None)
    assert len(transcript.items) == 2


def test_a_turn_that_was_said_may_still_get_words() -> None:
    transcript = Transcript()
    transcript.add("item_1", Role.USER, "Hi")
    transcript.add("item_2", Role.ASSISTANT, "Yes?")

    transcript.amend("item_1", "Hi there.")
    transcript.amend("item_3", "Never added.")

    assert [(item.item_id, item.text) for item in transcript.items] == [("item_1", "Hi there."), ("item_2", "Yes?")]


def tens(roles: str) -> list[Message]:
    """Messages of ten characters each, numbered; s, u and a stand for their roles."""
    by_letter = {"s": Role.SYSTEM, "u": Role.USER, "a": Role.ASSISTANT}
    return [Message(by_letter[letter], str(number) * 10) for number, letter in enumerate(roles)]


@pytest.mark.parametrize(
    ("roles", "most", "left"),
    [
        ("", 0, ""),
        ("suauau", 60, "012345"),
        ("suauau", 59, "0345"),
        ("suauau", 40, "0345"),
        ("suauau", 39, "05"),
        ("suauau", 0, "05"),
        ("uauau", 50, "01234"),
        ("uauau", 49, "234"),
        ("uauau", 29, "4"),
        ("auau", 39, "123"),
        ("uaauau", 59, "345"),
        ("uuau", 39, "123"),
        ("ua", 0, "1"),
        ("saa", 0, "02"),
        ("su", 0, "01"),
        ("s", 0, "0"),
    ],
)
def test_the_oldest_turns_go_first_and_the_first_that_stays_is_the_persons(roles: str, most: int, left: str) -> None:
    assert "".join(message.text[0] for message in bounded(tens(roles), most)) == left
    assert size(tens(roles)) == 10 * len(roles)


@pytest.mark.parametrize(
    ("lengths", "most", "kept"),
    [
        ([3, 2, 4], 9, [3, 2, 4]),
        ([3, 2, 4], 8, [2, 4]),
        ([3, 2, 4], 6, [2, 4]),
        ([3, 2, 4], 5, [4]),
        ([3, 2, 4], 4, [4]),
        ([3, 2, 4], 3, [4]),
        ([3, 2, 4], 0, [4]),
        ([1, 9, 1], 2, [1]),
        ([5], 0, [5]),
        ([], 0, []),
        ([], 9, []),
    ],
)
def test_the_newest_turns_that_fit(lengths: list[int], most: int, kept: list[int]) -> None:
    items = [Item(f"item_{number}", Role.USER, "x" * length) for number, length in enumerate(lengths)]
    newest = Transcript(items).newest(most)
    assert [len(item.text) for item in newest] == kept
    assert newest == items[len(items) - len(kept) :]


@pytest.mark.parametrize(
    ("text", "heard", "rest"),
    [
        ("One two three.", "", "One two three."),
        (" One  two three.", "One two", "three."),
        ("One two three.", "One two three.", ""),
        ("So - one *two* three.", "So one two", "three."),
        ("Twenty-one, he said", "Twenty-one he", "said"),
        ("1. First 2. Second", "First", "2. Second"),
        ("no no no yes", "no no", "no yes"),
        ("Hello, World! Again.", "hello world", "Again."),
        ("one two", "something else entirely here", ""),
        ("10 is it", "Ten", "is it"),
        ("It costs 10 pounds now", "It costs ten", "pounds now"),
        ("It costs 10 pounds now", "It costs ten pounds", "now"),
        ("a - - - b c", "a b", "c"),
        ("a - - - - b c", "a b", "- - - b c"),
        ("a b - -", "a b", "- -"),
        ("- … it", "…", "it"),
        ("", "", ""),
    ],
)
def test_what_is_left_of_a_reply(text: str, heard: str, rest: str) -> None:
    assert unheard(text, heard) == rest


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Is it you?", "is it - YOU", True),
        ("Is it you?", "is it", False),
        ("to do", "todo", False),
        ("", "…", True),
    ],
)
def test_marks_and_case_make_no_other_words(one: str, other: str, same: bool) -> None:
    assert is_same([user(one)], [user(other)]) is same
    assert not is_same([user(one)], [assistant(other)])
    assert not is_same([user(one)], [])


@pytest.mark.parametrize(
    ("text", "words", "begins"),
    [
        ("What is, the time?", "what IS the", True),
        ("What is", "what is the", False),
        ("What is the", "was is", False),
        ("What", "", True),
    ],
)
def test_which_words_a_text_begins_with(text: str, words: str, begins: bool) -> None:
    assert begins_with(text, words) is begins
