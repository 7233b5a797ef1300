import re
from collections.abc import Sequence
from datetime import datetime

import pytest

from responder.phrases import RULES
from responder.rules import Message, answer

NOW = datetime(2026, 11, 23, 15, 25)  # noqa: DTZ001 - the place does not matter


def reply_to(*turns: str) -> str:
    """The answer to turns of the person and the responder by turns, the person's first."""
    return answer(conversation(turns), NOW)


def conversation(turns: Sequence[str]) -> list[Message]:
    return [Message(("user", "assistant")[index % 2], turn) for index, turn in enumerate(turns)]


@pytest.mark.parametrize(
    ("said", "answered"),
    [
        ("what time is it", "It's twenty five past three in the afternoon."),
        ("Hello, what's the time?", "It's twenty five past three in the afternoon."),
        ("What day is it today?", "Today is Monday, the twenty third of November."),
        ("what's the date", "Today is Monday, the twenty third of November."),
        ("How are you?", "I'm fine, thank you. How are you?"),
        ("who are you", "My name is Parley. What is your name?"),
        ("What\u2019s your name?", "My name is Parley. What is your name?"),
        ("my name is anna", "It's nice to meet you, Anna. How are you today?"),
        ("what is my name", "You haven't told me yet. What is your name?"),
        (
            "what can you do",
            "I can listen and answer. I know the time and the date. What would you like to know?",
        ),
        ("are you a robot", "I'm a computer program. Does that surprise you?"),
        (
            "How is the weather?",
            "I can't see the weather from here. Is it nice where you are?",
        ),
        ("can you hear me", "Yes, I can hear you well. What is on your mind?"),
        ("tell me a joke", "How long is a piece of string? Twice as long as half of it!"),
        ("thank you very much", "You're welcome. What would you like to know?"),
        ("I'm fine, thanks", "I'm happy to hear that. What are you doing today?"),
        ("I am very good", "I'm happy to hear that. What are you doing today?"),
        ("I feel so tired", "I'm sorry that you are tired. What has happened?"),
        ("I like my garden", "What do you like most about your garden?"),
        ("I need a new car", "Why do you want a new car?"),
        ("I am a teacher", "So you are a teacher. What do you like about that?"),
        ("tell me about my work", "I don't know much about your work. What do you know about it?"),
        ("do you like cheese", "I think I would like cheese. What about you?"),
        ("can you help me", "I wish I could help you. What else can we do?"),
        ("why", "I don't know why. What do you think?"),
        ("is the shop open", "I'm not sure, but I think so. What do you think?"),
        ("yes", "That's good. I would like to hear more."),
        ("No.", "All right. What would you like to talk about?"),
        ("Bonjour", "Bonjour ! Comment allez-vous ?"),
        ("au revoir", "Au revoir, et à bientôt. Bye!"),
    ],
)
def test_what_is_answered(said: str, answered: str) -> None:
    assert reply_to(said) == answered


@pytest.mark.parametrize("greeting", ["Hello!", "hi there", "Good morning."])
def test_greets_and_asks(greeting: str) -> None:
    assert re.match(r"Hello.*\?$", reply_to(greeting))


def test_greets_first_when_nothing_has_been_said() -> None:
    assert answer([Message("system", "You are kind.")], NOW).startswith("Hello")


@pytest.mark.parametrize("said", ["goodbye", "Bye bye!", "ok see you tomorrow bye", "I have to go now", "good night"])
def test_a_goodbye_is_returned_with_bye(said: str) -> None:
    assert reply_to(said).endswith("Bye!")


@pytest.mark.parametrize("said", ["I have to go to work", "I want to see you tomorrow", "my hobby is chess"])
def test_what_only_looks_like_a_goodbye_is_none(said: str) -> None:
    assert not reply_to(said).endswith("Bye!")


def test_what_the_person_said_is_turned_around() -> None:
    assert reply_to("My dog is very small.").startswith("Your dog is very small. ")


def test_many_words_are_not_said_back() -> None:
    assert "dog" not in reply_to("my dog is very small and it likes to run around the house all day")


def test_the_name_is_remembered() -> None:
    assert reply_to("my name is anna", "Hello.", "what is my name?") == "Your name is Anna, I think."


def test_the_last_answer_is_repeated_on_request() -> None:
    assert reply_to("what time is it", "It is late.", "what did you say?") == "I said: It is late."
    assert reply_to("what", "I said: It is late.", "say that again") == "I said: It is late."


def test_nothing_can_be_repeated_at_first() -> None:
    assert "I said" not in reply_to("what did you say?")


class TestSilence:
    def test_the_first_and_second_ask_whether_the_person_is_there(self) -> None:
        first = reply_to("hello", "Hello.", "...")
        assert first.endswith("there?")
        second = reply_to("hello", "Hello.", "...", first, "...")
        assert second.endswith("there?")
        assert second != first

    def test_the_third_says_goodbye(self) -> None:
        assert reply_to("hello", "Hello.", "...", "There?", "...", "There?", "...").endswith("Bye!")

    def test_counts_anew_after_words(self) -> None:
        assert reply_to("...", "There?", "...", "There?", "yes", "Good.", "...").endswith("there?")

    def test_one_turn_may_hold_several(self) -> None:
        assert reply_to("hello", "Hello.", "... ... ...").endswith("Bye!")

    def test_an_ellipsis_character_is_one_too(self) -> None:
        assert reply_to("hello", "Hello.", "\N{HORIZONTAL ELLIPSIS}").endswith("there?")

    def test_words_after_the_mark_count_as_words(self) -> None:
        assert reply_to("... what time is it") == reply_to("what time is it")


def test_equal_conversations_are_answered_equally_and_different_ones_vary() -> None:
    unknown = [f"the market number {number} was closed" for number in range(20)]
    assert [reply_to(said) for said in unknown] == [reply_to(said) for said in unknown]
    assert len({reply_to(said) for said in unknown}) > 1


def test_no_answer_is_given_twice_in_a_row() -> None:
    turns = ["the market was closed"]
    for _ in range(10):
        turns += [reply_to(*turns), "the market was closed"]
        assert turns[-2] != reply_to(*turns)


def test_anything_is_answered() -> None:
    for said in ("", "   ", "!?", "{time}", "the {rest} of it", "a" * 5000):
        assert reply_to(said)


def test_answers_are_short() -> None:
    for rule in RULES:
        for text in rule.answers:
            assert 1 <= len(re.findall(r"[.!?]", text)) <= 3 or text == "I said: {said}"
            assert len(text.split()) <= 21
