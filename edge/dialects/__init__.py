"""The languages that clients speak over the WebSocket; each is translated to and from `Converse` by its own module."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Protocol, TypeAlias

from mesh.errors import MeshError
from parley.conversation.v1 import conversation_pb2 as conversation


class InvalidEvent(Exception):
    """A client's message cannot be honoured; the session goes on.

    `details` lists the faults, each as {"type": a word, "loc": the path of the field, "msg": for people}. `reason` is
    the word for programs; `request_id` what the client called its message, where that could be read.
    """

    def __init__(
        self,
        message: str,
        details: list[dict[str, Any]] | None = None,
        *,
        reason: str = "BAD_REQUEST",
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or []
        self.reason = reason
        self.request_id = request_id


class ExcessAudio(InvalidEvent):
    """More audio came than is taken, as after an outage of the client's network; what was too much is dropped.

    It is raised once for each excess and answered by a warning: the client has done nothing wrong.
    """

    def __init__(self) -> None:
        super().__init__("More audio came at once than is taken; a part of it was dropped.", reason="AUDIO_DROPPED")


DeferredMessages: TypeAlias = Callable[[], Iterator[str]]
"""Makes messages that no response of the orchestrator caused. It is called when they are due to be sent."""

Queue: TypeAlias = Callable[[DeferredMessages], None]
"""Queues such messages behind those that wait to be sent."""


class Dialect(Protocol):
    """The translation of one connection, in both directions. It remembers what the dialect needs and does no I/O."""

    async def opening(self, receive: Callable[[], Awaitable[str | bytes]]) -> conversation.ConverseRequest:
        """The request that opens the conversation, whose member is `config`.

        `receive` gives the client's first message, for dialects whose clients say how the conversation is to be held.
        Raises `InvalidRequest` if what it says cannot be honoured.
        """
        ...

    def requests(self, message: str | bytes, now: float) -> Iterator[conversation.ConverseRequest]:
        """What a client's message, received at `now` (monotonic seconds), asks for.

        Raises `InvalidEvent`, after the requests that could be made of it.
        """
        ...

    def events(self, response: conversation.ConverseResponse) -> Iterator[str]:
        """The messages to send to the client when `response` has come, in this order."""
        ...

    def rejection(self, fault: InvalidEvent) -> str:
        """The message that answers an invalid one, or warns of `ExcessAudio`."""
        ...

    def fatal(self, words: str, error: MeshError) -> str:
        """The last message before `error` closes the connection; `words` are its text for people."""
        ...


DialectFactory: TypeAlias = Callable[[Queue], Dialect]
"""Makes the dialect of a new connection. The queue takes messages that no response caused."""
