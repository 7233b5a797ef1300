"""Reads one file out of a form (`multipart/form-data`) while it arrives, without keeping it."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

_FORM = b"multipart/form-data"
_LONGEST_BOUNDARY = 70
"""Characters (RFC 2046, 5.1.1)."""


class BadForm(Exception):  # noqa: N818 - named after what is wrong
    """The body is no form; the message tells why."""


class MissingPart(Exception):  # noqa: N818 - named after what is wrong
    """The form has no file of that name."""


class FilePart:
    """The bytes of the first part called `name`, of a form that is pushed in as it arrives."""

    def __init__(self, content_type: str, name: str) -> None:
        """Raise `BadForm` if the content type is not a form's."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != _FORM or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            raise BadForm("expected multipart/form-data with a boundary")
        self._name = name.encode()
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._part_began,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_ended,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_ended,
                "on_end": self._ended,
            },
        )
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._inside = False
        self._found = False
        self._complete = False
        self._content = bytearray()

    async def read(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file, piece by piece as the body brings it. Raises `BadForm` and `MissingPart`."""
        async for piece in body:
            try:
                self._parser.write(piece)
            except FormParserError as error:
                raise BadForm("the form is malformed") from error
            if self._content:
                content, self._content = bytes(self._content), bytearray()
                yield content
        if not self._complete:
            raise BadForm("the form has no end")
        if not self._found:
            raise MissingPart

    def _part_began(self) -> None:
        self._header, self._value, self._disposition = b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ended(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header, self._value = b"", b""

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._inside = not self._found and options.get(b"name") == self._name
        self._found |= self._inside

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._content += data[start:end]

    def _part_ended(self) -> None:
        self._inside = False

    def _ended(self) -> None:
        self._complete = True
