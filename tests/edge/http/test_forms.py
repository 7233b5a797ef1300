"""A form as browsers and HTTP libraries send it, and as they do not."""

from collections.abc import AsyncIterator

import pytest

from edge.http.forms import LARGEST_TEXT, BadForm, FilePart, MissingPart

BOUNDARY = "form-boundary"
CONTENT_TYPE = f'multipart/form-data; boundary="{BOUNDARY}"'
FILE = bytes(range(256)) * 40 + b"\r\n--form-boundarx\r\n--"


def part(name: str, content: bytes, filename: str | None = "voice.wav") -> bytes:
    named = f'; filename="{filename}"' if filename else ""
    return (
        (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        + content
        + b"\r\n"
    )


END = f"--{BOUNDARY}--\r\n".encode()


async def read(body: bytes, size: int = 1 << 16, content_type: str = CONTENT_TYPE) -> bytes:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    return b"".join([piece async for piece in FilePart(content_type, "file").read(pieces())])


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 16])
async def test_the_file_is_read_whole_however_it_arrives(size: int) -> None:
    body = part("note", b"hello", None) + part("file", FILE) + part("other", b"x") + END
    assert await read(body, size) == FILE


async def test_only_the_first_file_of_that_name_counts() -> None:
    assert await read(part("file", b"first") + part("file", b"second") + END) == b"first"


async def test_a_file_may_be_empty() -> None:
    assert await read(part("file", b"") + END) == b""


@pytest.mark.parametrize("body", [END, part("voice", FILE) + END])
async def test_a_form_without_it(body: bytes) -> None:
    with pytest.raises(MissingPart):
        await read(body)


@pytest.mark.parametrize(
    "body", [b"", b"hello", part("file", FILE), part("file", FILE)[:-100], b"--" + b"x" * 100_000, FILE]
)
async def test_what_is_no_form(body: bytes) -> None:
    with pytest.raises(BadForm):
        await read(body)


async def test_headers_have_a_bound() -> None:
    with pytest.raises(BadForm):
        await read(part("file", FILE, filename="x" * 100_000) + END)


@pytest.mark.parametrize(
    "content_type",
    ["", "application/json", "multipart/form-data", "multipart/form-data; boundary=", "multipart/mixed; boundary=x"],
)
async def test_other_content_types(content_type: str) -> None:
    with pytest.raises(BadForm, match="multipart/form-data"):
        await read(END, content_type=content_type)


async def read_both(body: bytes, size: int = 1 << 16) -> tuple[bytes, bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    form = FilePart(CONTENT_TYPE, "file", "metadata")
    content = b"".join([piece async for piece in form.read(pieces())])
    return content, form.text


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 16])
@pytest.mark.parametrize("text_first", [True, False])
async def test_a_text_is_kept_on_either_side_of_the_file(size: int, *, text_first: bool) -> None:
    parts = [part("metadata", b'{"a": 1}', None), part("file", FILE)]
    body = b"".join(parts if text_first else reversed(parts)) + END
    assert await read_both(body, size) == (FILE, b'{"a": 1}')


async def test_only_the_first_text_of_that_name_counts() -> None:
    body = part("metadata", b"one", None) + part("file", FILE) + part("metadata", b"two", None) + END
    assert await read_both(body) == (FILE, b"one")


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (part("file", FILE) + END, "metadata"),
        (part("metadata", b"{}", None) + END, "file"),
        (part("file", FILE) + part("file", b"{}") + END, "metadata"),
        (END, "file"),
    ],
)
async def test_the_part_that_is_missing_is_named(body: bytes, missing: str) -> None:
    with pytest.raises(MissingPart) as caught:
        await read_both(body)
    assert caught.value.name == missing


async def test_a_text_has_a_bound() -> None:
    longest = b"x" * LARGEST_TEXT
    assert await read_both(part("metadata", longest, None) + part("file", FILE) + END) == (FILE, longest)
    with pytest.raises(BadForm, match="'metadata' may have 32768 bytes"):
        await read_both(part("metadata", longest + b"x", None) + part("file", FILE) + END)
