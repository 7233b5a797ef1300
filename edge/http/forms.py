"""Reads one file out of a form (`multipart/form-data`) while it arrives, without keeping it, and one short text."""

from collections.abc import AsyncIterator

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

_FORM = b"multipart/form-data"
_LONGEST_BOUNDARY = 70
"""Characters (RFC 2046, 5.1.1)."""
LARGEST_TEXT = 32 << 10
"""Bytes."""


class BadForm(Exception):
    """The body is not a form. The message says why."""


class MissingPart(Exception):
    """The form has no part of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class FilePart:
    """The bytes of the first part called `name`, of a form that is pushed in as it arrives.

    If `text_name` is given, the first part of that name, before or after the file, is kept as `text`.
    """

    def __init__(self, content_type: str, name: str, text_name: str | None = None) -> None:
        """Raise `BadForm` if the content type is not a form's."""
        kind, options = parse_options_header(content_type)
        boundary = options.get(b"boundary", b"")
        if kind != _FORM or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            raise BadForm("expected multipart/form-data with a boundary")
        self._wanted = [each for each in (name, text_name) if each is not None]
        self._name = name
        self._text_name = text_name
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
        self._complete = False
        self._content = bytearray()
        self._text = bytearray()
        self._into: bytearray | None = None

    async def read(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The file, piece by piece as the body brings it; then the text is known. Raises `BadForm`, `MissingPart`."""
        async for piece in body:
            try:
                self._parser.write(piece)
            except FormParserError as error:
                raise BadForm("the form is malformed") from error
            if len(self._text) > LARGEST_TEXT:
                raise BadForm(f"{self._text_name!r} may have {LARGEST_TEXT} bytes")
            if self._content:
                content = bytes(self._content)
                self._content.clear()
                yield content
        if not self._complete:
            raise BadForm("the form has no end")
        if self._wanted:
            raise MissingPart(self._wanted[0])

    @property
    def text(self) -> bytes:
        """The content of the text part, once all is read."""
        return bytes(self._text)

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
        name = options.get(b"name", b"").decode(errors="replace")
        self._into = None
        if name in self._wanted:
            self._wanted.remove(name)
            self._into = self._content if name == self._name else self._text

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._into is not None:
            self._into += data[start:end]

    def _part_ended(self) -> None:
        self._into = None

    def _ended(self) -> None:
        self._complete = True
