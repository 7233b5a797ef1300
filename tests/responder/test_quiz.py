from datetime import datetime

import pytest

from responder.quiz import Question, Turn, next_line, questions_in
from responder.rules import Message, answer

NOW = datetime(2026, 11, 23, 15, 25)  # noqa: DTZ001 - the place does not matter

PROMPT = """\
You are the host of a quiz.

Question one: Which planet is known as the red planet? Answer: Mars.
Question two: Quel fleuve traverse Le Caire ? Answer: Le Nil.
Question three: What is the longest bone in the human body? Answer: The thigh bone, or femur.

Begin.
"""

QUESTIONS = questions_in(PROMPT)


def test_the_questions_are_read_from_the_prompt() -> None:
    assert [
        Question("Which planet is known as the red planet?", "Mars"),
        Question("Quel fleuve traverse Le Caire ?", "Le Nil"),
        Question("What is the longest bone in the human body?", "The thigh bone, or femur"),
    ] == QUESTIONS
    assert questions_in("You are a parrot.") == []


def test_a_quiz_goes_from_its_welcome_to_its_goodbye() -> None:
    played = [Message("system", PROMPT), Message("user", "Hello!")]
    told = []
    for said in ("it is mars", "the amazon", "the femur I think", None):
        told.append(answer(played, NOW))
        played += [Message("assistant", told[-1]), Message("user", said or "")]
    assert told == [
        "Welcome to the quiz! Which planet is known as the red planet?",
        "That's right! Quel fleuve traverse Le Caire ?",
        "No, the answer is: Le Nil. What is the longest bone in the human body?",
        "That's right! You know two of three. Thank you for playing. Bye!",
    ]


@pytest.mark.parametrize(
    ("right", "said"),
    [
        ("Neil Armstrong", "armstrong"),
        ("Neil Armstrong", "I think it was Neil Armstrong"),
        ("The thigh bone, or femur", "thigh bone"),
        ("Butterflies or moths", "butterflies"),
        ("Carbon dioxide", "it's carbon dioxide"),
        ("L'Himalaya", "l\u2019himalaya"),
        ("One hundred and twenty", "one hundred twenty"),
    ],
)
def test_an_answer_may_be_given_in_other_words(right: str, said: str) -> None:
    turns = [Turn(True, "Who or what?"), Turn(False, said)]
    assert next_line([Question("Who or what?", right)], turns).startswith("That's right!")


@pytest.mark.parametrize(
    ("right", "said"), [("Carbon dioxide", "carbon"), ("Mars", "venus"), ("Two", ""), ("Six", "sixty")]
)
def test_another_answer_is_wrong(right: str, said: str) -> None:
    turns = [Turn(True, "Who or what?"), Turn(False, said)]
    assert next_line([Question("Who or what?", right)], turns).startswith(f"No, the answer is: {right}.")


def test_a_question_that_was_not_heard_is_asked_again() -> None:
    turns = [Turn(False, "Hello!"), Turn(True, "Welcome to the quiz! Which"), Turn(False, "what")]
    assert next_line(QUESTIONS, turns) == "Welcome to the quiz! Which planet is known as the red planet?"


def test_a_question_whose_end_was_not_heard_has_been_asked() -> None:
    turns = [Turn(False, "Hello!"), Turn(True, "Welcome to the quiz! Which planet is known"), Turn(False, "mars")]
    assert next_line(QUESTIONS, turns).startswith("That's right!")


def test_a_silence_is_no_answer() -> None:
    played = [Message("system", PROMPT), Message("user", "Hello!")]
    played += [Message("assistant", answer(played, NOW)), Message("user", "...")]
    after_silence = answer(played, NOW)
    assert "there?" in after_silence
    played += [Message("assistant", after_silence), Message("user", "mars")]
    assert answer(played, NOW).startswith("That's right! Quel fleuve")


def test_whoever_says_goodbye_may_leave() -> None:
    played = [Message("system", PROMPT), Message("user", "Hello!"), Message("assistant", "Welcome!")]
    assert answer([*played, Message("user", "goodbye")], NOW).endswith("Bye!")
