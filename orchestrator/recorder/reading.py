"""Reads a recording's file, and replays it: the core must decide again what it decided while it was recorded."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.conversation import Conversation
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event
from orchestrator.recorder.records import VERSION, End, Header, Record, Step, decoded

_LONGEST_LINE = 16 << 20
"""Bytes. A minute of speech has four million, released at once by a client that wants it so."""


class NotARecording(Exception):
    """A file cannot be read as a recording; the message names it and the line, and says what was expected."""


class NumberedRecord(NamedTuple):
    """A record, and its line in the file, counted from 1."""

    number: int
    record: Record


def header_of(path: Path) -> Header:
    """Return the first line of a recording. Raises `NotARecording`, and `OSError`."""
    return _header(path, next(_lines(path), b""))


def read(path: Path) -> Iterator[NumberedRecord]:
    """Yield the lines of a recording, of which the first is its header. Raises `NotARecording`, and `OSError`.

    A last line that was cut, as in the recording of a process that was killed, is left out.
    """
    lines = _lines(path)
    yield NumberedRecord(1, _header(path, next(lines, b"")))
    for number, text in enumerate(lines, start=2):
        yield NumberedRecord(number, _decoded(path, number, text))


class Difference(NamedTuple):
    """The first step at which the core does something else than was recorded."""

    line: int
    """Of the file."""
    now: float
    event: Event | None
    recorded: list[Action]
    replayed: list[Action]


class Replay(NamedTuple):
    """What came of a replay."""

    steps: int
    """How many were alike."""
    actions: int
    """How many actions these were."""
    complete: bool
    """The recording has its end."""
    difference: Difference | None


def replay(path: Path) -> Replay:
    """Give a fresh core the recorded events, and compare its actions. Raises `NotARecording`, and `OSError`."""
    conversation = Conversation()
    steps = actions = 0
    last: Record | None = None
    for number, last in read(path):
        match last:
            case Header(state=state):
                conversation = Conversation(state)
            case Step(now=now):
                event, recorded = last.core_event(), last.core_actions()
                replayed = conversation.handle_timeout(now) if event is None else conversation.handle(event, now)
                if replayed != recorded:
                    difference = Difference(number, now, event, recorded, replayed)
                    return Replay(steps, actions, complete=False, difference=difference)
                steps += 1
                actions += len(replayed)
    return Replay(steps, actions, complete=isinstance(last, End), difference=None)


def _lines(path: Path) -> Iterator[bytes]:
    """The whole lines, up to one that was cut or is longer than any line of a recording."""
    with path.open("rb") as file:
        while (text := file.readline(_LONGEST_LINE)).endswith(b"\n"):
            yield text


def _header(path: Path, text: bytes) -> Header:
    try:
        given = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        given = None
    match given:
        case {"line": "header", "format": "parley-recording", "version": int(version)} if version > VERSION:
            raise NotARecording(
                f"{path} is a recording of a newer Parley: format {version}, expected at most {VERSION}"
            )
        case {"line": "header", "format": "parley-recording"}:
            record = _decoded(path, 1, text)
            assert isinstance(record, Header)  # noqa: S101 - it says so
            return record
    raise NotARecording(f"{path} is no recording of Parley's: expected a first line that says parley-recording")


def _decoded(path: Path, number: int, text: bytes) -> Record:
    try:
        record = decoded(text)
        if isinstance(record, Step):
            record.core_event()
            record.core_actions()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotARecording(f"{path}, line {number}, is no line of a recording: {error}") from None
    return record
