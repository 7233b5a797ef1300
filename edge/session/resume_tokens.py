"""Tokens with which a client of `/v1/converse` goes on with its conversation on another connection, at any edge.

A token stands for the last checkpoint, which stays with the edges: in a Redis that they share, or in the memory of one.
If the edge outlives the connection, it adds what was said and heard since.
The client is given 32 random bytes once. A token works once, until `VALID_S` after its connection was lost; the
connection that it opens has another. It is used up once the conversation goes on, so that a client whose attempt
fails may try again. The store knows a token by its hash only.
"""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from mesh.errors import InvalidRequest
from mesh.tasks import beside
from mesh.times import loop_time
from parley.conversation.v1.conversation_pb2 import Checkpoint, Resume

VALID_S = 60.0
"""Seconds for which a token works after its connection was lost, even if its edge was killed."""

_RENEWED_EVERY_S = 20.0
_REDIS_LIMIT_S = 1.0
"""How long Redis may take for anything."""
_PREFIX = "parley:resume:"
_MOST_IN_MEMORY = 10_000

_log = structlog.get_logger()


class TokenUnknown(InvalidRequest):
    """The token was used, is too old, or never was one."""

    default_reason = "CHECKPOINT_INVALID"


class ResumedElsewhere(InvalidRequest):
    """The client has gone on with this conversation on another connection."""

    default_reason = "RESUMED_ELSEWHERE"


class CheckpointStore(Protocol):
    """Keeps checkpoints by key. It never fails: what cannot be kept cannot be resumed."""

    async def put(self, key: str, state: bytes, seconds: float, *, new: bool) -> bool:
        """Keep `state` for so long. False: it is not `new`, and has been taken."""

    async def get(self, key: str) -> bytes | None:
        """Return what is kept; None: nothing is."""

    async def take(self, key: str) -> bytes | None:
        """Return and forget what is kept; None: nothing is."""

    async def close(self) -> None:
        """Let go of what it uses."""


class MemoryStore:
    """A `CheckpointStore` for the clients of one edge."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, bytes]] = {}

    async def put(self, key: str, state: bytes, seconds: float, *, new: bool) -> bool:
        """Keep `state` for so long. False: it is not `new`, and has been taken."""
        self._forget()
        if not new and key not in self._kept:
            return False
        self._kept.pop(key, None)
        self._kept[key] = (loop_time() + seconds, state)
        return True

    async def get(self, key: str) -> bytes | None:
        """Return what is kept; None: nothing is."""
        self._forget()
        _, state = self._kept.get(key, (0.0, None))
        return state

    async def take(self, key: str) -> bytes | None:
        """Return and forget what is kept; None: nothing is."""
        self._forget()
        _, state = self._kept.pop(key, (0.0, None))
        return state

    async def close(self) -> None:
        """Forget everything."""
        self._kept.clear()

    def _forget(self) -> None:
        """Forget what is too old. What was put first is nearly always the first to be."""
        while self._kept:
            key = next(iter(self._kept))
            if len(self._kept) <= _MOST_IN_MEMORY and self._kept[key][0] > loop_time():
                return
            del self._kept[key]


class RedisStore:
    """A `CheckpointStore` for the clients of all edges that share a Redis."""

    def __init__(self, client: Redis) -> None:
        self._client = client

    async def put(self, key: str, state: bytes, seconds: float, *, new: bool) -> bool:
        """Keep `state` for so long. False: it is not `new`, and has been taken."""
        try:
            kept = await self._client.set(_PREFIX + key, state, px=round(seconds * 1_000), xx=not new)
        except RedisError as error:
            _log.warning("a conversation cannot be resumed for now: Redis fails", error=type(error).__name__)
            return True
        return bool(kept)

    async def get(self, key: str) -> bytes | None:
        """Return what is kept; None: nothing is."""
        return await self._asked(self._client.get(_PREFIX + key))

    async def take(self, key: str) -> bytes | None:
        """Return and forget what is kept; None: nothing is."""
        return await self._asked(self._client.getdel(_PREFIX + key))

    async def _asked(self, answer: Awaitable[Any]) -> bytes | None:
        try:
            state = await answer
        except RedisError as error:
            _log.warning("a conversation cannot be resumed: Redis fails", error=type(error).__name__)
            return None
        return state if isinstance(state, bytes) else None

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()


def checkpoint_store(redis_url: str | None) -> CheckpointStore:
    """The store of an edge with this setting. It connects when it is first used."""
    if redis_url is None:
        return MemoryStore()
    return RedisStore(Redis.from_url(redis_url, socket_timeout=_REDIS_LIMIT_S, socket_connect_timeout=_REDIS_LIMIT_S))


async def looked_up(store: CheckpointStore, token: bytes) -> Resume:
    """What a token stands for; it goes on working. Raises `TokenUnknown`."""
    return _resume(await store.get(_key(token)))


async def use_up(store: CheckpointStore, token: bytes) -> None:
    """Have a token work no more. Raises `TokenUnknown` if another connection has used it up."""
    _resume(await store.take(_key(token)))


def _resume(state: bytes | None) -> Resume:
    if state is None:
        raise TokenUnknown("this conversation cannot be resumed any more", field="config.resume.checkpoint")
    return Resume.FromString(state)


async def give_back(store: CheckpointStore, token: bytes, resume: Resume) -> None:
    """Have a token work again that could not be used."""
    await store.put(_key(token), resume.SerializeToString(), VALID_S, new=True)


class ResumeToken:
    """The token of one connection. `offer` is called once, when it works."""

    def __init__(self, store: CheckpointStore, offer: Callable[[bytes], None]) -> None:
        self._store = store
        self._offer = offer
        self._token = secrets.token_bytes(32)
        self._state: bytes | None = None
        self._offered = False
        self._over = False
        self._changed = asyncio.Event()

    def keep(self, checkpoint: Checkpoint) -> None:
        """Have the token stand for this checkpoint."""
        self._state = Resume(checkpoint=checkpoint.state).SerializeToString()
        self._changed.set()

    def leave(self, resume: Resume) -> None:
        """Have it stand for more than the last checkpoint: the connection has come to its end."""
        self._state = resume.SerializeToString()

    def end(self) -> None:
        """The conversation is over."""
        self._over = True

    async def run(self) -> None:
        """Keep the token working. Raises `ResumedElsewhere` once it was used."""
        await self._changed.wait()
        while True:
            self._changed.clear()
            if not await self._put(VALID_S + _RENEWED_EVERY_S):
                raise ResumedElsewhere("this conversation goes on in another connection")
            if not self._offered:
                self._offered = True
                self._offer(self._token)
            try:
                async with asyncio.timeout(_RENEWED_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def close(self) -> None:
        """Leave the token to work for a while; not if the conversation is over."""
        if self._over:
            await self._store.take(_key(self._token))
        elif self._offered:
            await self._put(VALID_S)

    async def _put(self, seconds: float) -> bool:
        return await self._store.put(_key(self._token), self._state or b"", seconds, new=not self._offered)


@asynccontextmanager
async def resumable(store: CheckpointStore, offer: Callable[[bytes], None]) -> AsyncIterator[ResumeToken]:
    """The token of a connection that lasts as long as the block."""
    token = ResumeToken(store, offer)
    try:
        async with beside(token.run()):
            yield token
    finally:
        await token.close()


def _key(token: bytes) -> str:
    return hashlib.sha256(token).hexdigest()
