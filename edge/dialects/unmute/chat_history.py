"""The conversation as Unmute's clients are shown it: without the system prompt."""

from typing import Literal

from edge.dialects.unmute.server_events import ChatMessage

Role = Literal["user", "assistant"]


class ChatHistory:
    """What was said, in order: whole turns, and as much as has been heard of one that goes on.

    An entry may change afterwards: a reply that was cut keeps only what was heard of it.
    """

    def __init__(self) -> None:
        self._messages: dict[tuple[Role, str], ChatMessage] = {}

    def user_word(self, item_id: str, word: str) -> None:
        """The person says `word` in the turn `item_id`."""
        self._add("user", item_id, word)

    def user(self, item_id: str, text: str) -> None:
        """The person's turn `item_id` says `text`."""
        self._messages["user", item_id] = ChatMessage("user", text)

    def assistant_word(self, reply_id: str, word: str) -> None:
        """The reply `reply_id` is heard to say `word`."""
        self._add("assistant", reply_id, word)

    def assistant(self, reply_id: str, text: str) -> None:
        """The reply `reply_id` says `text`. Empty: it is forgotten."""
        if text:
            self._messages["assistant", reply_id] = ChatMessage("assistant", text)
        else:
            self._messages.pop(("assistant", reply_id), None)

    def messages(self) -> list[ChatMessage]:
        """Everything so far."""
        return list(self._messages.values())

    def _add(self, role: Role, key: str, word: str) -> None:
        before = self._messages.get((role, key))
        text = f"{before.content} {word}" if before else word
        self._messages[role, key] = ChatMessage(role, text)
