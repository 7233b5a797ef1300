"""Hashes in Redis that are forgotten in time, and of which there are so many at most."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mesh.errors import UpstreamDown

# One step, so that replicas which add hashes at the same time forget each the right ones.
_PUT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + ARGV[1], KEYS[1])
local oldest = redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[2])
for _, key in ipairs(oldest) do
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[2], key)
end
"""


class Found(NamedTuple):
    """The fields that were asked for, and for how many seconds they are still kept."""

    fields: list[bytes]
    time_to_live_s: float


class RedisShelf:
    """Holds hashes by name; the oldest makes room for one too many.

    `prefix` goes before the names of their keys. `by_age` is the key of a sorted set of those keys, by the time until
    which they are kept: Redis's own, in milliseconds. `holds` is what they are, for messages. Everything raises
    `UpstreamDown` if it cannot be done.
    """

    def __init__(self, client: Redis, *, prefix: str, by_age: str, holds: str) -> None:
        self._client = client
        self._put: Any = client.register_script(_PUT)
        self._prefix = prefix
        self._by_age = by_age
        self._holds = holds

    async def put(self, name: str, fields: Mapping[str, str | bytes], *, time_to_live_s: float, most: int) -> None:
        """Keep a hash, and at most so many of them."""
        given = [part for field in fields.items() for part in field]
        async with self._errors():
            await self._put(
                keys=(self._prefix + name, self._by_age), args=(round(time_to_live_s * 1_000), most, *given)
            )

    async def get(self, name: str, *fields: str) -> Found | None:
        """Find a hash; None: it is not there, or no longer."""
        key = self._prefix + name
        async with self._errors(), self._client.pipeline() as both:
            both.hmget(key, *fields)
            both.pttl(key)
            values, left_ms = await both.execute()
        if None in values or left_ms <= 0:
            return None
        return Found(values, left_ms / 1_000)

    async def take(self, name: str) -> bool:
        """Remove a hash. True for the one who did."""
        key = self._prefix + name
        async with self._errors(), self._client.pipeline() as both:
            both.delete(key)
            both.zrem(self._by_age, key)
            deleted, _ = await both.execute()
        return bool(deleted)

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        """Turn Redis's errors into ours."""
        try:
            yield
        except (RedisError, OSError) as error:
            raise UpstreamDown(f"the store of {self._holds} cannot be reached") from error
