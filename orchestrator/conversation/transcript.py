"""What was said and heard, and what the language model is shown of it."""

import enum
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from orchestrator.conversation.policy import SILENCE_MARK


class Role(enum.Enum):
    """Who said it, in the words of the chat-completions API."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


_CUT_OFF = "—"
_MARKS = re.compile(r"[\W_]")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat-completions request."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Item:
    """One turn of either side: all the person said, or all they heard of a reply."""

    item_id: str
    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class ReplySoFar:
    """What a client has seen of a reply: its text, and the words of it that were heard to their end."""

    reply_id: str
    text: str
    heard_text: str
    over: bool = False
    """It ended, as the client knows."""


@dataclass(slots=True)
class Transcript:
    """The turns that are over, in order. None is empty."""

    items: list[Item] = field(default_factory=list)

    def add(self, item_id: str, role: Role, text: str) -> None:
        """Append a turn; one without text is left out."""
        if text.strip():
            self.items.append(Item(item_id, role, text.strip()))

    def amend(self, item_id: str, text: str) -> None:
        """Replace what is written in a turn; one that was never added stays out."""
        self.items = [replace(item, text=text) if item.item_id == item_id else item for item in self.items]

    def newest(self, most: int) -> list[Item]:
        """Return the newest turns that have at most `most` characters together; at least the last one."""
        left, first = most, len(self.items)
        while first and (left := left - len(self.items[first - 1].text)) >= 0:
            first -= 1
        return self.items[min(first, max(len(self.items) - 1, 0)) :]

    def messages(self, instructions: str | None, *, beginning: str = "") -> list[Message]:
        """Return the model's view: instructions first, then user and assistant in strict alternation.

        The `beginning` of its answer comes last: the model goes on there.

        Templates of many models insist that the first message after the instructions is the user's; where the model
        spoke first, the person is taken to have said hello (Unmute does the same).
        """
        spoken: list[Message] = []
        said = [*self.items, Item("", Role.ASSISTANT, beginning.strip())]
        for item in said:
            text = _said(item)
            if not text:
                continue
            if spoken and spoken[-1].role is item.role:
                spoken[-1] = Message(item.role, _joined(spoken[-1].text, text))
            else:
                spoken.append(Message(item.role, text))
        if not spoken:
            spoken = [Message(Role.USER, "Hello!")]
        elif spoken[0].role is Role.ASSISTANT:
            spoken.insert(0, Message(Role.USER, "Hello."))
        return [Message(Role.SYSTEM, instructions), *spoken] if instructions else spoken


def size(messages: Sequence[Message]) -> int:
    """Return the characters in all messages together."""
    return sum(len(message.text) for message in messages)


def bounded(messages: Sequence[Message], most: int) -> list[Message]:
    """Leave out the oldest turns until at most `most` characters are left.

    Instructions and the last turn always stay, and the first turn that stays is the person's.
    """
    start = 1 if messages and messages[0].role is Role.SYSTEM else 0
    turns = list(messages[start:])
    left, first = size(messages), 0
    while left > most and first < len(turns) - 1:
        left -= len(turns[first].text)
        first += 1
        while first < len(turns) - 1 and turns[first].role is Role.ASSISTANT:
            left -= len(turns[first].text)
            first += 1
    return [*messages[:start], *turns[first:]]


_MOST_SKIPPED = 4
"""Words of a text in a row that may not have been told as heard: signs and marks are not spoken."""


def unheard(text: str, heard: str) -> str:
    """Return what is left of `text` from the first word on that is not in `heard`, its spoken beginning."""
    words, first = text.split(), 0
    for each in heard.split():
        ahead = range(first, min(first + _MOST_SKIPPED, len(words)))
        first = next((at + 1 for at in ahead if _letters(words[at]) == _letters(each)), first + 1)
    return " ".join(words[first:])


def is_same(one: Sequence[Message], other: Sequence[Message]) -> bool:
    """Whether two conversations differ at most in marks and in upper and lower case."""
    return [(each.role, _words(each.text)) for each in one] == [(each.role, _words(each.text)) for each in other]


def begins_with(text: str, words: str) -> bool:
    """Whether a text begins with these words, whatever the marks and the case."""
    beginning = _words(words)
    return _words(text)[: len(beginning)] == beginning


def _words(text: str) -> list[str]:
    return [word for word in map(_plain, text.split()) if word]


def _letters(word: str) -> str:
    return _plain(word) or word


def _plain(word: str) -> str:
    return _MARKS.sub("", word).casefold()


def _said(item: Item) -> str:
    """Return the words of a turn; empty if there are none.

    A dash at the end marks an interruption. A silence before a person's words says nothing; the model is told
    that the mark means silence, so that it may not stand there for anything else.
    """
    text = item.text.removesuffix(_CUT_OFF).strip()
    if not text.strip(_CUT_OFF + " "):
        return ""
    if item.role is Role.USER and text.startswith(SILENCE_MARK):
        return text.lstrip(SILENCE_MARK + " ") or SILENCE_MARK
    return text


def _joined(first: str, second: str) -> str:
    """Join two turns of one side. A silence says nothing beside words, and twice nothing more than once."""
    if second == SILENCE_MARK:
        return first
    return second if first == SILENCE_MARK else f"{first} {second}"
