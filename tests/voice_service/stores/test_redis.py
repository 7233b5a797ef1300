"""A Redis that is not there."""

import pytest

from mesh.errors import UpstreamDown
from voice_service.store import CustomVoice, Retention
from voice_service.stores.redis import redis_store


async def test_without_redis_nothing_is_kept_or_found() -> None:
    async with redis_store("redis://127.0.0.1:9", Retention()) as store:
        with pytest.raises(UpstreamDown, match="cannot be reached"):
            await store.put("custom:1", CustomVoice("espeak", b"{}"))
        with pytest.raises(UpstreamDown, match="cannot be reached"):
            await store.get("custom:1")
        await store.purge()
