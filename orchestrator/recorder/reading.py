"""Reads a recording's file."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from orchestrator.recorder.lines import VERSION, Header, Line, Step, decoded

_LONGEST_LINE = 16 << 20
"""Bytes. A minute of speech has four million, released at once by a client that wants it so."""


class NotARecording(Exception):
    """A file cannot be read as a recording; the message names it and the line, and says what was expected."""


class NumberedLine(NamedTuple):
    """A line, and where it stands in the file, from 1 on."""

    number: int
    line: Line


def header_of(path: Path) -> Header:
    """Return the first line of a recording. Raises `NotARecording`, and `OSError`."""
    return _header(path, next(_lines(path), b""))


def read(path: Path) -> Iterator[NumberedLine]:
    """Yield the lines of a recording, of which the first is its header. Raises `NotARecording`, and `OSError`.

    A last line that was cut, as in the recording of a process that was killed, is left out.
    """
    lines = _lines(path)
    yield NumberedLine(1, _header(path, next(lines, b"")))
    for number, text in enumerate(lines, start=2):
        yield NumberedLine(number, _decoded(path, number, text))


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
            line = _decoded(path, 1, text)
            assert isinstance(line, Header)  # noqa: S101 - it says so
            return line
    raise NotARecording(f"{path} is no recording of Parley's: expected a first line that says parley-recording")


def _decoded(path: Path, number: int, text: bytes) -> Line:
    try:
        line = decoded(text)
        if isinstance(line, Step):
            line.told()
            line.answered()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotARecording(f"{path}, line {number}, is no line of a recording: {error}") from None
    return line
