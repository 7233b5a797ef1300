"""The catalogue of voices, loaded once from a file in the format of Unmute's voices.yaml."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mesh.errors import VoiceNotFound
from parley.voices.v1.voices_pb2 import CharacterHint, FileSource, FreesoundSource, Voice
from voice_service.nodes import Fields, read_list

_LANGUAGES = ("en", "fr", "en/fr", "fr/en")
"""The languages characters can be told to speak."""
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*")
"""A language of BCP 47."""
_SOURCES = ("file", "freesound")


@dataclass(frozen=True, slots=True)
class Entry:
    """A voice, and whether it is offered to people."""

    voice: Voice
    good: bool
    engine: str | None = None
    """The engine that has the voice; None: the file does not say, and any may."""


class Catalogue:
    """All voices, in the file's order. A voice that is not good is not offered, but is found by who knows its id.

    Voices that share an id are offered each with its own character, and the first of them is what is found. `notes` are
    for who wrote the file: what is no fault, but may not be meant.
    """

    def __init__(self, entries: Sequence[Entry], notes: Sequence[str] = ()) -> None:
        self._offered = tuple(entry for entry in entries if entry.good)
        self.notes = tuple(notes)
        self._count = len(entries)
        self._by_id: dict[str, Voice] = {}
        for entry in entries:
            self._by_id.setdefault(entry.voice.voice_id, entry.voice)

    @property
    def offered(self) -> tuple[Voice, ...]:
        """The voices that are good, whatever their engine."""
        return tuple(entry.voice for entry in self._offered)

    @property
    def names_engines(self) -> bool:
        """Whether any voice that is good names an engine."""
        return any(entry.engine for entry in self._offered)

    def offered_with(self, engines: Mapping[str, Collection[str]]) -> list[Voice]:
        """Return the good voices that name none, or one of these engines; `engines` gives the ids that each has.

        An engine without ids may have any.
        """
        return [entry.voice for entry in self._offered if _is_had(entry, engines)]

    def find(self, voice_id: str) -> Voice:
        """The voice with this id. Raises `VoiceNotFound`."""
        voice = self._by_id.get(voice_id) if voice_id else None
        if voice is None:
            raise VoiceNotFound(f"there is no voice {voice_id!r}", field="voice_id")
        return voice

    def __len__(self) -> int:
        return self._count


def language_of(voice: Voice) -> str:
    """The voice's language as a BCP 47 tag: its own, else the first of its character, which is English by default."""
    if voice.HasField("language"):
        return voice.language
    return voice.character.language.partition("/")[0] or "en"


def _is_had(entry: Entry, engines: Mapping[str, Collection[str]]) -> bool:
    if entry.engine is None:
        return True
    ids = engines.get(entry.engine)
    return ids is not None and (not ids or entry.voice.voice_id in ids)


def read_catalogue(path: Path) -> Catalogue:
    """Read a catalogue. Raises `CatalogueError` for the first thing in it that is not as expected."""
    notes: list[str] = []
    return Catalogue(list(_entries(path, notes)), notes)


def _entries(path: Path, notes: list[str]) -> Iterator[Entry]:
    """What the file holds. Unmute refuses fields of an entry that it does not know, and ignores those further in."""
    first_with: dict[str, tuple[str, int]] = {}
    for fields in read_list(path):
        voice = Voice(name=fields.optional("name", str) or "")
        good = fields.optional("good", bool) or False
        if instructions := fields.optional_fields("instructions"):
            voice.character.CopyFrom(_character(instructions, notes))
            notes += instructions.unread()
        source = fields.required_fields("source")
        # Unmute ignores these two.
        engine = source.optional("engine", str)
        if language := _language(source):
            voice.language = language
        notes += _add_source(voice, source, is_offered=good)
        fields.optional("comment", str)
        fields.done()

        if voice.voice_id:
            line = source.line_of("path_on_server")
            entry, first = first_with.setdefault(voice.voice_id, (fields.entry, line))
            if entry != fields.entry:
                notes.append(
                    f"{path}:{line}: {fields.entry} shares its path_on_server with {entry} in line {first}, "
                    "which is the one that is found by it"
                )
        yield Entry(voice, good, engine)


def _character(instructions: Fields, notes: list[str]) -> CharacterHint:
    # The kinds are the orchestrator's affair: a file may name one that it gets to know later.
    kind, language = instructions.required("type", str), instructions.optional("language", str)
    if language is not None and language not in _LANGUAGES:
        # One voice is no reason to have none.
        notes.append(
            instructions.note("language", f"characters speak one of {', '.join(_LANGUAGES)}, and not {language!r}")
        )
        language = None
    return CharacterHint(kind=kind, language=language, text=instructions.optional("text", str))


def _language(source: Fields) -> str | None:
    tag = source.optional("language", str)
    if tag is not None and not _TAG.fullmatch(tag):
        source.refuse(
            source.line_of("language"), f"expected 'language' to be a BCP 47 tag such as en-GB, found {tag!r}"
        )
    return tag


def _add_source(voice: Voice, source: Fields, *, is_offered: bool) -> list[str]:
    """Tell the voice where it comes from; what there is to note."""
    # Unmute has no third kind in the file either: a custom voice is made of an upload, and has no entry anywhere.
    kind = source.required_choice("source_type", _SOURCES)
    # A sound that somebody has only come across has not been put on the server yet.
    is_candidate = kind == "freesound" and not is_offered
    voice.voice_id = (source.optional if is_candidate else source.required)("path_on_server", str) or ""
    if kind == "file":
        voice.file.CopyFrom(_file(source))
        return source.unread()
    sound = source.optional_fields("sound_instance")
    voice.freesound.CopyFrom(_freesound(source, sound))
    return source.unread() + (sound.unread() if sound else [])


def _file(source: Fields) -> FileSource:
    return FileSource(
        description=source.optional("description", str), description_link=source.optional("description_link", str)
    )


def _freesound(source: Fields, sound: Fields | None) -> FreesoundSource:
    made = FreesoundSource(url=source.required("url", str), start_time_seconds=source.optional("start_time", float))
    if sound:
        made.sound_id = sound.required("id", int)
        made.sound_name = sound.required("name", str)
        made.username = sound.required("username", str)
        made.license = sound.required("license", str)
    return made
