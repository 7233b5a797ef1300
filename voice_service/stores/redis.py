"""Keeps custom voices, and the verifications of donations, in Redis, which processes anywhere may share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from voice_service.donations.verification import KeptVerification, Verification
from voice_service.store import CustomVoice, KeptVoice, Retention
from voice_service.stores.redis_hashes import RedisShelf

_LIMIT_S = 2.0
"""How long Redis may take for anything."""


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

    def __init__(self, client: Redis, retention: Retention) -> None:
        self.verifications = RedisVerifications(client, retention)
        self._hashes = RedisShelf(client, prefix="parley:voice:", by_age="parley:voices", holds="custom voices")
        self._retention = retention

    async def put(self, voice_id: str, voice: CustomVoice) -> KeptVoice:
        """Keep a voice."""
        fields: dict[str, str | bytes] = {"engine": voice.engine, "embedding": voice.embedding}
        kept = self._retention
        await self._hashes.put(voice_id, fields, time_to_live_s=kept.time_to_live_s, most=kept.most_voices)
        return KeptVoice(voice, kept.time_to_live_s)

    async def get(self, voice_id: str) -> KeptVoice | None:
        """Find a voice."""
        found = await self._hashes.get(voice_id, "engine", "embedding")
        if found is None:
            return None
        engine, embedding = found.fields
        return KeptVoice(CustomVoice(engine.decode(), embedding), found.time_to_live_s)

    async def purge(self) -> None:
        """Do nothing: Redis forgets by itself."""


class RedisVerifications:
    """A `VerificationStore`."""

    def __init__(self, client: Redis, retention: Retention) -> None:
        self._most = retention.most_verifications
        self._hashes = RedisShelf(
            client, prefix="parley:verification:", by_age="parley:verifications", holds="verifications"
        )

    async def put(self, verification: Verification, time_to_live_s: float) -> None:
        """Keep a verification."""
        fields = {"text": verification.text, "created_at": repr(verification.created_at_s)}
        await self._hashes.put(verification.verification_id, fields, time_to_live_s=time_to_live_s, most=self._most)

    async def get(self, verification_id: str) -> KeptVerification | None:
        """Find a verification."""
        found = await self._hashes.get(verification_id, "text", "created_at")
        if found is None:
            return None
        text, created_at = found.fields
        return KeptVerification(Verification(verification_id, text.decode(), float(created_at)), found.time_to_live_s)

    async def take(self, verification_id: str) -> bool:
        """Use a verification up."""
        return await self._hashes.take(verification_id)
