"""What waits to be sent to one client."""

import asyncio
import enum
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, TypeAlias

from edge.dialects import InvalidEvent
from parley.conversation.v1 import conversation_pb2 as conversation


class Pause(enum.Enum):
    """The one value that says that there has been nothing to send for a moment."""

    PAUSE = enum.auto()


PAUSE: Final = Pause.PAUSE

PAUSE_S = 0.1
"""How long that moment is."""

Outgoing: TypeAlias = conversation.ConverseResponse | InvalidEvent
"""An event of the conversation, or an invalid message that is to be answered."""

LIMIT = 1_024
"""Entries. Replies are paced, so a client that reads has next to none waiting; this many is half a minute of speech."""

_SPEECH = frozenset({"reply_text_delta", "reply_text_done", "reply_audio", "reply_word_spoken", "reply_released"})
"""The events that a reply is made of. The others tell what becomes of it, and are never withheld."""


class ClientTooSlow(Exception):
    """The client does not read what it is sent."""


class Outbox:
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
        self._pause_wanted = False
        self._taken_at = float("-inf")
        """When the reader was given the last entry."""

    def put(self, entry: Outgoing) -> None:
        """Add an entry; nothing, once it is closed. Raises `ClientTooSlow` when too many are waiting."""
        if self._closed:
            return
        put_back = self._withhold(entry) if isinstance(entry, conversation.ConverseResponse) else ()
        self._aside.get(_speaking(entry), self._waiting).append(entry)
        self._waiting.extend(put_back)
        self._changed.set()
        if len(self._waiting) + sum(map(len, self._aside.values())) > self._limit:
            raise ClientTooSlow

    def close(self) -> None:
        """Take no more."""
        self._closed = True
        self._changed.set()

    def want_pause(self) -> None:
        """Have the reader told, once, when there is nothing to send for `PAUSE_S`. It runs no timer otherwise."""
        if not self._pause_wanted:
            self._pause_wanted = True
            self._changed.set()

    async def get(self) -> Outgoing | Pause | None:
        """The next entry; None when it is closed and empty. For one reader, which is the one that waits for long."""
        clock = asyncio.get_running_loop().time
        while not self._waiting:
            if self._closed:
                return None
            pause_at = self._taken_at + PAUSE_S if self._pause_wanted else None
            if pause_at is not None and clock() >= pause_at:
                self._pause_wanted = False
                return PAUSE
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(pause_at):
                    await self._changed.wait()
        self._taken_at = clock()
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
        taken = deque(entry for entry in self._waiting if _speaking(entry) == reply_id)
        self._waiting = deque(entry for entry in self._waiting if _speaking(entry) != reply_id)
        return taken


def _speaking(entry: Outgoing) -> str:
    """The id of the reply that `entry` is a part of. Empty: of none."""
    kind = entry.WhichOneof("event") if isinstance(entry, conversation.ConverseResponse) else None
    reply_id: str = getattr(entry, kind).reply_id if kind in _SPEECH else ""
    return reply_id
