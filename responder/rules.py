"""The conversation: from what has been said and the time of day to the next thing to say.

Nothing here is random. Where several answers fit, the words said so far choose one, so that equal conversations go on
equally while different ones vary. Two marks are the house's, not the person's: a turn of "..." is a silence, and an
answer that ends in "Bye!" ends the conversation.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

from responder.clock import spoken_date, spoken_time
from responder.phrases import GOODBYES, RULES, SILENCES
from responder.quiz import Question, Turn, next_line, questions_in
from responder.reflection import reflect

# More of a person's words than this is not worth saying back.
_MOST_WORDS_SAID_BACK = 8

_SILENCE = re.compile(r"\s*(\.\.\.|…)")
_NAME = re.compile(r"\b(?:my name is|call me) ([a-z]+)")
_PLACEHOLDER = re.compile(r"{(\w+)}")


class Message(NamedTuple):
    """One message of a conversation; `role` is OpenAI's. Of a "system" message only the questions of a quiz count."""

    role: str
    text: str


def answer(messages: Sequence[Message], now: datetime) -> str:
    """What to say next, one to three sentences, at the local time `now`."""
    said = [message.text for message in messages if message.role == "user"]
    answered = [message.text for message in messages if message.role == "assistant"]
    seed = zlib.crc32("\n".join((*said, *answered)).encode())
    last_answer = answered[-1].strip() if answered else ""
    silences = _silences_at_the_end(said)
    if silences:
        return _choose(SILENCES[min(silences, len(SILENCES)) - 1], seed, last_answer)
    words = _words(said[-1]) if said else "hello"
    if (questions := _quiz(messages)) and not re.search(GOODBYES, words):
        return next_line(questions, _turns(messages))
    known = {
        "time": spoken_time(now),
        "date": spoken_date(now),
        "said": last_answer.removeprefix("I said: "),
        "known_name": _name_given(said),
        "turned": _said_back(words),
    }
    return _choose(_fitting_answers(words, known), seed, last_answer)


def _quiz(messages: Sequence[Message]) -> list[Question]:
    return questions_in("\n".join(message.text for message in messages if message.role == "system"))


def _turns(messages: Sequence[Message]) -> list[Turn]:
    return [
        Turn(message.role == "assistant", message.text)
        for message in messages
        if message.role in {"user", "assistant"} and not _is_silence(message.text)
    ]


def _fitting_answers(words: str, known: Mapping[str, str]) -> list[str]:
    """The answers of the first rule that fits `words`, filled in."""
    for rule in RULES:
        match = rule.pattern.search(words)
        if match is None:
            continue
        values = {**known, **_groups(match)}
        if all(values.get(name) for text in rule.answers for name in _PLACEHOLDER.findall(text)):
            return [text.format_map(values) for text in rule.answers]
    raise AssertionError("the last rule fits everything")


def _choose(answers: Sequence[str], seed: int, last_answer: str) -> str:
    """One of `answers`, but not the one that was just given when there is another."""
    fresh = [text for text in answers if text != last_answer] or answers
    return fresh[seed % len(fresh)]


def _groups(match: re.Match[str]) -> dict[str, str]:
    groups = match.groupdict()
    return {
        "rest": _said_back(groups.get("rest") or "", sentence=False),
        "name": (groups.get("name") or "").capitalize(),
    }


def _said_back(words: str, *, sentence: bool = True) -> str:
    """`words` turned around; empty when there are too many to be worth it."""
    if len(words.split()) > _MOST_WORDS_SAID_BACK:
        return ""
    turned = reflect(words)
    return turned[:1].upper() + turned[1:] if sentence else turned


def _silences_at_the_end(said: Sequence[str]) -> int:
    """How many silences have passed since the person last said something. One turn may hold several."""
    return sum(len(_SILENCE.findall(text)) for text in takewhile(_is_silence, reversed(said)))


def _is_silence(text: str) -> bool:
    return bool(text.strip()) and not _SILENCE.sub("", text).strip()


def _name_given(said: Sequence[str]) -> str:
    names = [match[1] for text in said if (match := _NAME.search(_words(text)))]
    return names[-1].capitalize() if names else ""


def _words(text: str) -> str:
    """`text` lower-case, without punctuation, and without a greeting in front of something else."""
    bare = re.sub(r"[^\w' ]+", " ", text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'"))
    return re.sub(r"^(?:hello|hi|hey)(?: there| parley)? (?=\w+ \w)", "", " ".join(bare.split()))
