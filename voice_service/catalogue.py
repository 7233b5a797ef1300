"""The catalogue of voices, loaded once from a file in the format of Unmute's voices.yaml."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import VoiceNotFound
from parley.voices.v1.voices_pb2 import CharacterHint, FileSource, FreesoundSource, Voice
from voice_service.nodes import Fields, read_list

_LANGUAGES = ("en", "fr", "en/fr", "fr/en")
"""The languages characters can be told to speak."""
_SOURCES = ("file", "freesound")


@dataclass(frozen=True, slots=True)
class Entry:
    """A voice, and whether it is offered to people."""

    voice: Voice
    good: bool


class Catalogue:
    """All voices, in the file's order. A voice that is not good is not offered, but is found by who knows its id."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.offered = tuple(entry.voice for entry in entries if entry.good)
        self._by_id = {entry.voice.voice_id: entry.voice for entry in entries}

    def find(self, voice_id: str) -> Voice:
        """The voice with this id. Raises `VoiceNotFound`."""
        voice = self._by_id.get(voice_id)
        if voice is None:
            raise VoiceNotFound(f"there is no voice {voice_id!r}", field="voice_id")
        return voice

    def __len__(self) -> int:
        return len(self._by_id)


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue. Raises `CatalogueError` for the first thing in it that is not as expected."""
    return Catalogue(list(_entries(path)))


def _entries(path: Path) -> Iterator[Entry]:
    lines: dict[str, int] = {}
    for fields in read_list(path):
        voice = Voice(name=fields.required("name", str))
        good = fields.optional("good", bool) or False
        if instructions := fields.optional_fields("instructions"):
            voice.character.CopyFrom(_character(instructions))
        source = fields.required_fields("source")
        _add_source(voice, source)
        fields.optional("comment", str)
        fields.done()

        line = source.line_of("path_on_server")
        if (first := lines.setdefault(voice.voice_id, line)) != line:
            source.refuse(line, f"path_on_server {voice.voice_id!r} is taken by the voice in line {first}")
        yield Entry(voice, good)


def _character(instructions: Fields) -> CharacterHint:
    hint = CharacterHint(
        kind=instructions.required("type", str),
        language=instructions.optional_choice("language", _LANGUAGES),
        text=instructions.optional("text", str),
    )
    instructions.done()
    return hint


def _add_source(voice: Voice, source: Fields) -> None:
    kind = source.required_choice("source_type", _SOURCES)
    voice.voice_id = source.required("path_on_server", str)
    if kind == "file":
        voice.file.CopyFrom(_file(source))
    else:
        voice.freesound.CopyFrom(_freesound(source))
    source.done()


def _file(source: Fields) -> FileSource:
    return FileSource(
        description=source.optional("description", str), description_link=source.optional("description_link", str)
    )


def _freesound(source: Fields) -> FreesoundSource:
    sound = source.required_fields("sound_instance")
    made = FreesoundSource(
        url=source.required("url", str),
        start_time_seconds=source.optional("start_time", float) or 0.0,
        sound_id=sound.required("id", int),
        sound_name=sound.required("name", str),
        username=sound.required("username", str),
        license=sound.required("license", str),
    )
    sound.done()
    return made
