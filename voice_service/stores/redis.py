"""Keeps custom voices in Redis, which processes anywhere may share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from mesh.errors import UpstreamDown
from voice_service.store import CustomVoice, KeptVoice, Retention

_LIMIT_S = 2.0
"""How long Redis may take for anything."""
_PREFIX = "parley:voice:"
_BY_AGE = "parley:voices"
"""The keys of all voices, by the time until which they are kept: Redis's own, in milliseconds."""

# One step, so that replicas which add voices at the same time forget each the right ones.
_PUT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('HSET', KEYS[1], 'engine', ARGV[1], 'embedding', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + ARGV[3], KEYS[1])
local oldest = redis.call('ZRANGE', KEYS[2], 0, -1 - ARGV[4])
for _, key in ipairs(oldest) do
    redis.call('DEL', key)
    redis.call('ZREM', KEYS[2], key)
end
"""


@asynccontextmanager
async def redis_store(url: str, retention: Retention) -> AsyncIterator["RedisStore"]:
    """Use the Redis at this address while the block runs. It is connected to when it is needed."""
    client = Redis.from_url(url, socket_timeout=_LIMIT_S, socket_connect_timeout=_LIMIT_S)
    try:
        yield RedisStore(client, retention)
    finally:
        await client.aclose()


class RedisStore:
    """A `VoiceStore`."""

    def __init__(self, client: "Redis", retention: Retention) -> None:
        self._client = client
        self._put: Any = client.register_script(_PUT)
        self._retention = retention

    async def put(self, voice_id: str, voice: CustomVoice) -> None:
        """Keep a voice."""
        arguments = (
            voice.engine,
            voice.embedding,
            round(self._retention.time_to_live_s * 1_000),
            self._retention.most_voices,
        )
        async with _errors():
            await self._put(keys=(_PREFIX + voice_id, _BY_AGE), args=arguments)

    async def get(self, voice_id: str) -> KeptVoice | None:
        """Find a voice."""
        key = _PREFIX + voice_id
        async with _errors(), self._client.pipeline() as both:
            both.hmget(key, "engine", "embedding")
            both.pttl(key)
            (engine, embedding), left_ms = await both.execute()
        if engine is None or embedding is None or left_ms <= 0:
            return None
        return KeptVoice(CustomVoice(engine.decode(), embedding), left_ms / 1_000)

    async def purge(self) -> None:
        """Do nothing: Redis forgets by itself."""


@asynccontextmanager
async def _errors() -> AsyncIterator[None]:
    """Turn Redis's errors into ours."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise UpstreamDown("the store of custom voices cannot be reached") from error
