"""What waits to be sent to one client."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TypeAlias

from edge.dialects import DeferredMessages, InvalidEvent
from parley.conversation.v1 import conversation_pb2 as conversation

Outgoing: TypeAlias = conversation.ConverseResponse | InvalidEvent | DeferredMessages
"""An event of the conversation, an invalid message that is to be answered, or messages of the dialect's own accord."""

LIMIT = 1_024
"""Entries. Replies are paced, so a client that reads has next to none waiting; this many is half a minute of speech."""

_SPEECH = frozenset({"reply_text_delta", "reply_text_done", "reply_audio", "reply_word_spoken", "reply_released"})
"""The events that a reply is made of. The others report its course and are never withheld."""


class ClientTooSlow(Exception):
    """The client does not read what it is sent."""


class SendQueue:
    """A queue in order of arrival, from which replies are withheld.

    When a reply is held, what waits of it is put aside, and put back when it resumes; when it is cancelled, what waits
    of it is dropped. So nothing of a reply is sent once its end is known, however much of it was queued.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._waiting: deque[Outgoing] = deque()
        self._aside: dict[str, deque[Outgoing]] = {}
        self._changed = asyncio.Event()
        self._closed = False

    def put(self, entry: Outgoing) -> None:
        """Add an entry; nothing, once it is closed. Raises `ClientTooSlow` when too many are waiting."""
        if self._closed:
            return
        put_back = self._withhold(entry) if isinstance(entry, conversation.ConverseResponse) else ()
        self._aside.get(_reply_id(entry), self._waiting).append(entry)
        self._waiting.extend(put_back)
        self._changed.set()
        if len(self._waiting) + sum(map(len, self._aside.values())) > self._limit:
            raise ClientTooSlow

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._changed.set()

    def discard(self) -> None:
        """Take no more, and forget what is waiting."""
        self.close()
        self._waiting.clear()
        self._aside.clear()

    async def get(self) -> Outgoing | None:
        """The next entry; None when it is closed and empty. For one reader."""
        while not self._waiting:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        return self._waiting.popleft()

    def _withhold(self, response: conversation.ConverseResponse) -> Iterable[Outgoing]:
        """Do what `response` means for what is waiting. Gives what is to follow it."""
        match response.WhichOneof("event"):
            case "reply_held":
                self._aside[response.reply_held.reply_id] = self._take_out(response.reply_held.reply_id)
            case "reply_resumed":
                return self._aside.pop(response.reply_resumed.reply_id, ())
            case "reply_cancelled":
                self._take_out(response.reply_cancelled.reply_id)
                self._aside.pop(response.reply_cancelled.reply_id, None)
        return ()

    def _take_out(self, reply_id: str) -> deque[Outgoing]:
        taken = deque(entry for entry in self._waiting if _reply_id(entry) == reply_id)
        self._waiting = deque(entry for entry in self._waiting if _reply_id(entry) != reply_id)
        return taken


def _reply_id(entry: Outgoing) -> str:
    """The id of the reply that `entry` is a part of. Empty: of none."""
    kind = entry.WhichOneof("event") if isinstance(entry, conversation.ConverseResponse) else None
    reply_id: str = getattr(entry, kind).reply_id if kind in _SPEECH else ""
    return reply_id
