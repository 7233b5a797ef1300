"""How a cloned voice speaks: what the voice service's embedded cloning engine has found out about a recording."""

from typing import Annotated

import msgspec

from mesh.errors import VoiceNotFound
from tts_proxy.engines.espeak.library import Prosody
from tts_proxy.engines.espeak.voices import Voices


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """An embedding, which is JSON. Its counterpart is `voice_service.engines.espeak.Embedding`."""

    voice: str
    """A name that `Voices` knows."""
    rate: Annotated[int, msgspec.Meta(ge=80, le=450)]
    pitch: Annotated[int, msgspec.Meta(ge=0, le=99)]
    pitch_range: Annotated[int, msgspec.Meta(ge=0, le=100)]


def cloned_prosody(embedding: bytes, voices: Voices) -> Prosody:
    """Who speaks with this embedding, and how. Raises `VoiceNotFound` if it is none of this engine's."""
    try:
        found = msgspec.json.decode(embedding, type=Embedding)
    except msgspec.DecodeError:
        raise VoiceNotFound("the custom voice cannot be read", field="config.voice") from None
    return Prosody(voices.identifier(found.voice), rate=found.rate, pitch=found.pitch, pitch_range=found.pitch_range)
