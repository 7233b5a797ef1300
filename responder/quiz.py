"""Hosts a quiz whose questions stand in the system prompt: "Question one: Who? Answer: Somebody", a line each.

How far the quiz has come is read from the conversation each time: nothing is kept between requests.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

_IN_PROMPT = re.compile(r"^Question \w+: (?P<question>.+\?) Answer: (?P<answer>.+?)\.?$", re.MULTILINE)
_WORD = re.compile(r"[\w']+")
_UNTOLD = {"a", "an", "and", "the", "le", "la", "les", "un", "une", "et", "en"}
"""Words that an answer may do without."""
_ENOUGH = 4
"""How many of its first words tell that a question has been asked: the person may have spoken over the rest."""
_NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Question(NamedTuple):
    """A question, and what is right."""

    question: str
    answer: str


class Turn(NamedTuple):
    """What one of the two has said."""

    by_host: bool
    text: str


def questions_in(prompt: str) -> list[Question]:
    """The questions of the quiz that a system prompt asks for; empty: it asks for none."""
    return [Question(match["question"], match["answer"]) for match in _IN_PROMPT.finditer(prompt)]


def next_line(questions: Sequence[Question], turns: Sequence[Turn]) -> str:
    """What the host says next. Silences are no turns."""
    asked, score, verdict = 0, 0, "Welcome to the quiz!"
    waiting = False
    for turn in turns:
        if turn.by_host:
            if asked < len(questions) and _is_asked(questions[asked], turn.text):
                asked, waiting = asked + 1, True
        elif waiting:
            question, waiting = questions[asked - 1], False
            is_right = _is_right(turn.text, question.answer)
            score += is_right
            verdict = "That's right!" if is_right else f"No, the answer is: {question.answer}."
    if waiting:
        return questions[asked - 1].question
    if asked < len(questions):
        return f"{verdict} {questions[asked].question}"
    return f"{verdict} You know {_number(score)} of {_number(len(questions))}. Thank you for playing. Bye!"


def _is_asked(question: Question, text: str) -> bool:
    beginning = _words(question.question)[:_ENOUGH]
    return " ".join(beginning) in " ".join(_words(text))


def _is_right(said: str, answer: str) -> bool:
    heard = set(_words(said))
    return any(_holds(heard, each) for each in re.split(r",? (?:or|ou) |, ", answer))


def _holds(heard: set[str], answer: str) -> bool:
    """Whether an answer has been heard: all its words, or of a name the last."""
    wanted = [word for word in _WORD.findall(answer) if word.lower() not in _UNTOLD]
    if all(word[0].isupper() for word in wanted):
        wanted = wanted[-1:]
    return bool(wanted) and heard.issuperset(word.lower() for word in wanted)


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))]


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)
