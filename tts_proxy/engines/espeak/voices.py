"""What voices are called from outside, and what eSpeak calls them.

A name is a language, or a language and a variant: "en-us", "en-gb-x-rp+m3". The library must not be asked for a name
that it has not listed: it takes an unknown variant for none, and few languages by the names it lists them under.
"""

from typing import Annotated

import msgspec

from mesh.errors import VoiceNotFound
from tts_proxy.engines.espeak.library import Library, Prosody

_VARIANT_FOLDER = "!v/"


class Voices:
    """The voices of the library; `default` is the name of the one that an empty name means."""

    def __init__(self, library: Library, default: str) -> None:
        listed = ((*spoken, voice.identifier) for voice in library.voices() for spoken in voice.languages)
        self._identifiers: dict[str, str] = {}
        for _, language, identifier in sorted(listed, key=lambda entry: entry[0]):
            self._identifiers.setdefault(language, identifier)
        self._variants = {each.identifier.removeprefix(_VARIANT_FOLDER) for each in library.variants()}
        self._default = self._identifier(default)

    def identifier(self, name: str) -> str:
        """What the library calls the voice of this name. Raises `VoiceNotFound`."""
        return self._identifier(name) if name else self._default

    def _identifier(self, name: str) -> str:
        language, plus, variant = name.partition("+")
        identifier = self._identifiers.get(language.lower())
        if identifier is None or (plus and variant not in self._variants):
            raise VoiceNotFound(f"there is no voice {name!r}", field="config.voice")
        return f"{identifier}{plus}{variant}"


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
