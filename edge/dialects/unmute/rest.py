"""The bodies of Unmute's REST routes, and the messages of the contract that they stand for.

Voices: nulls are explicit. One further key, `language`, is there where the catalogue gives it, as Unmute's never does.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec

from edge.dialects.unmute.instructions import Instructions, from_catalogue
from edge.http.openapi import MAY_BE_LEFT_OUT
from mesh.errors import InvalidRequest
from parley.voices.v1 import voices_pb2
from parley.voices.v1.voices_pb2 import DonationMetadata, StartDonationResponse

Language: TypeAlias = Annotated[str | msgspec.UnsetType, msgspec.Meta(extra_json_schema=MAY_BE_LEFT_OUT)]
"""What a voice speaks, as a BCP 47 tag."""

_NANOSECONDS = 1_000_000_000


class FileSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="source_type", tag="file"):
    """A voice kept as a file, or built into the engine."""

    path_on_server: str
    description: str | None
    description_link: str | None
    language: Language = msgspec.UNSET


class SoundInstance(msgspec.Struct, frozen=True, kw_only=True):
    """A recording on freesound.org."""

    id: int
    name: str
    username: str
    license: str


class FreesoundSource(msgspec.Struct, frozen=True, kw_only=True, tag_field="source_type", tag="freesound"):
    """A voice taken from a recording on freesound.org."""

    url: str
    start_time: int | float | None
    sound_instance: SoundInstance | None
    path_on_server: str
    language: Language = msgspec.UNSET


Source: TypeAlias = FileSource | FreesoundSource


class ListedVoice(msgspec.Struct, frozen=True, kw_only=True):
    """A voice that people may choose."""

    name: str | None
    good: Literal[True] = True
    instructions: Instructions | None
    source: Source


def listed(voice: voices_pb2.Voice) -> ListedVoice:
    """How clients see `voice`; `path_on_server` is what they choose it by."""
    return ListedVoice(name=voice.name or None, instructions=_instructions(voice), source=_source(voice))


def _instructions(voice: voices_pb2.Voice) -> Instructions | None:
    if not voice.HasField("character"):
        return None
    hint = voice.character
    return from_catalogue(
        hint.kind,
        language=hint.language if hint.HasField("language") else None,
        text=hint.text if hint.HasField("text") else None,
    )


def _source(voice: voices_pb2.Voice) -> Source:
    language = voice.language if voice.HasField("language") else msgspec.UNSET
    if voice.HasField("freesound"):
        sound = voice.freesound
        return FreesoundSource(
            url=sound.url,
            start_time=_start_time(sound),
            sound_instance=_sound_instance(sound),
            path_on_server=voice.voice_id,
            language=language,
        )
    kept = voice.file
    return FileSource(
        path_on_server=voice.voice_id,
        description=kept.description if kept.HasField("description") else None,
        description_link=kept.description_link if kept.HasField("description_link") else None,
        language=language,
    )


def _start_time(sound: voices_pb2.FreesoundSource) -> int | float | None:
    """Whole where it can be: Unmute's clients expect whole seconds."""
    if not sound.HasField("start_time_seconds"):
        return None
    start = sound.start_time_seconds
    return int(start) if start.is_integer() else start


def _sound_instance(sound: voices_pb2.FreesoundSource) -> SoundInstance | None:
    if not sound.sound_id:
        return None
    return SoundInstance(id=sound.sound_id, name=sound.sound_name, username=sound.username, license=sound.license)


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a donor is told. One of the names is misspelt in Unmute's API, and clients depend on it."""

    id: str
    text: str
    """What is to be read aloud."""
    created_at_timetamp: float
    """Seconds since 1970."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a recording. The voice service checks the fields."""

    format_version: str = "1.1"
    email: str
    nickname: str
    verification_id: str
    license: str = "CC0"
    transcription_from_client: str | None = None


def verification(started: StartDonationResponse) -> Verification:
    """What a donor is told."""
    created = started.create_time
    return Verification(
        id=started.verification_id,
        text=started.text,
        created_at_timetamp=created.seconds + created.nanos / _NANOSECONDS,
    )


def metadata(text: bytes) -> DonationMetadata:
    """What a client says of its recording. Raises `InvalidRequest` if it is no JSON, or not of the expected form."""
    try:
        given = msgspec.json.decode(text, type=Metadata)
    except msgspec.ValidationError as error:
        # A sentence of msgspec's: "Expected `str`, got `int` - at `$.email`".
        raise InvalidRequest(f"the metadata cannot be used: {error}", field="metadata") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("the metadata is not JSON", field="metadata") from None
    return DonationMetadata(
        **{name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    )
