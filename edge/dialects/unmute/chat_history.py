"""The conversation as Unmute's clients are shown it: without the system prompt."""

from edge.dialects.unmute.server_events import ChatMessage


class ChatHistory:
    """What was said, in order. An entry may change afterwards: a reply that was cut keeps only what was heard of it."""

    def __init__(self) -> None:
        self._messages: dict[tuple[str, str], ChatMessage] = {}

    def user(self, item_id: str, text: str) -> None:
        """The person's turn `item_id` says `text`."""
        self._messages["user", item_id] = ChatMessage("user", text)

    def assistant(self, reply_id: str, text: str) -> None:
        """The reply `reply_id` says `text`. Empty: it is forgotten."""
        if text:
            self._messages["assistant", reply_id] = ChatMessage("assistant", text)
        else:
            self._messages.pop(("assistant", reply_id), None)

    def messages(self) -> list[ChatMessage]:
        """Everything so far."""
        return list(self._messages.values())
