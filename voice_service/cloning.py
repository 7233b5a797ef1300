"""Custom voices: made of a recording by the engine, kept by the store."""

import uuid

import structlog

from mesh.errors import VoiceNotFound
from mesh.times import duration
from parley.voices.v1.voices_pb2 import CustomSource, GetVoiceEmbeddingResponse, Voice
from voice_service.engine import CloningEngine
from voice_service.store import CustomVoice, KeptVoice, VoiceStore

PREFIX = "custom:"
"""What the ids of custom voices begin with."""

_NAME = "Custom voice"

_log = structlog.get_logger()


class Cloning:
    """Makes custom voices and finds them again."""

    def __init__(self, engine: CloningEngine, store: VoiceStore) -> None:
        self._engine = engine
        self._store = store

    async def create(self, recording: bytes) -> Voice:
        """A new voice. Raises `BadAudio`, `UploadTooLarge` and `UpstreamDown`."""
        made = CustomVoice(self._engine.name, await self._engine.clone(recording))
        voice_id = f"{PREFIX}{uuid.uuid4()}"
        kept = await self._store.put(voice_id, made)
        _log.info("voice cloned", engine=made.engine, recorded_bytes=len(recording), made_bytes=len(made.embedding))
        return _voice(voice_id, kept)

    async def find(self, voice_id: str) -> Voice:
        """A voice that is still kept. Raises `VoiceNotFound` and `UpstreamDown`."""
        return _voice(voice_id, await self._kept(voice_id))

    async def embedding(self, voice_id: str) -> GetVoiceEmbeddingResponse:
        """What it takes to speak with a voice that is still kept. Raises `VoiceNotFound` and `UpstreamDown`."""
        kept = await self._kept(voice_id)
        return GetVoiceEmbeddingResponse(
            engine=kept.voice.engine, embedding=kept.voice.embedding, time_to_live=duration(kept.time_to_live_s)
        )

    async def _kept(self, voice_id: str) -> KeptVoice:
        kept = await self._store.get(voice_id) if voice_id.startswith(PREFIX) else None
        if kept is None:
            raise VoiceNotFound("there is no such custom voice, or no longer", field="voice_id")
        return kept


def _voice(voice_id: str, kept: KeptVoice) -> Voice:
    source = CustomSource(engine=kept.voice.engine, time_to_live=duration(kept.time_to_live_s))
    return Voice(voice_id=voice_id, name=_NAME, custom=source)
