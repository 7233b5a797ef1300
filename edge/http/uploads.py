"""Forms that bring a recording: they are passed on to the voice service as they arrive, and not kept here."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

from edge.access.admission import PerAddressLimit, TooManyFromAddress, owner_of
from edge.http.forms import BadForm, FilePart, MissingPart
from mesh.errors import InvalidRequest, UploadTooLarge
from mesh.upload_slots import ARRIVAL_LIMIT_S, Arrival, UploadSlots, UploadTooSlow
from parley.voices.v1.voices_pb2 import FinishUpload, RecordingChunk

LARGEST_FILE = 4 << 20
"""Bytes of the file; the voice service has the same limit."""
LARGEST_REST = 64 << 10
"""Bytes that a form may have around its file."""
ANSWER_LIMIT_S = 45.0
"""How long the voice service may take once the form is there."""

_FIELD = "file"

ERRORS = {
    400: "the recording or the form cannot be used",
    408: "the recording came too slowly, or gave way to another",
    411: "there is no Content-Length",
    413: f"the recording has more than {LARGEST_FILE} bytes (4 MiB)",
    422: "a part of the form is missing",
    429: "the address sends too many recordings; Retry-After says when to try again",
    503: "it cannot be done just now; Retry-After says when to try again, if that is known",
}
"""When a form is answered with which status."""


_RETRY_AFTER_S = 10
"""When a client with too many uploads may try again. A guess: nobody knows when one of them ends."""


class Uploads:
    """Takes at most `most` forms at a time, and at most `most_per_address` of one address; 0: no such limit."""

    def __init__(self, most: int, most_per_address: int = 0) -> None:
        self._slots = UploadSlots(most)
        self._addresses = PerAddressLimit(most_per_address)

    @asynccontextmanager
    async def one_more(self, request: Request, text_field: str | None = None) -> AsyncIterator["RecordingForm"]:
        """Take a form, while the block passes it on.

        It must have a part called "file", and one called `text_field` if that is given. What is wrong with it, and what
        the voice service finds wrong, becomes an `HTTPException`: 400, 408 too slow, 411, 413, 422 a part is missing,
        429. Raises `AtCapacity` for one too many.
        """
        _check_length(request)
        address = address_of(request)
        try:
            with self._addresses.one_more(address), self._slots.one_more(owner_of(address)) as arrival:
                async with asyncio.timeout(ARRIVAL_LIMIT_S + ANSWER_LIMIT_S):
                    yield RecordingForm(request, text_field, arrival)
        except TooManyFromAddress:
            raise HTTPException(
                429, "too many recordings come from this address", {"retry-after": str(_RETRY_AFTER_S)}
            ) from None
        except UploadTooSlow as error:
            raise HTTPException(408, str(error)) from None
        except (BadForm, ClientDisconnect) as error:
            raise HTTPException(400, str(error) or "the upload was broken off") from None
        except MissingPart as missing:
            raise HTTPException(422, f"the form has no part called {missing.name!r}") from None
        except TimeoutError:
            raise HTTPException(408, "the recording came too slowly") from None
        except UploadTooLarge as error:
            raise HTTPException(413, error.message) from None
        except InvalidRequest as error:
            raise HTTPException(400, error.message) from None


def address_of(request: Request) -> str:
    """The client's address, as a trusted proxy reports it."""
    return request.client.host if request.client else ""


class RecordingForm:
    """A form as it arrives: first all `chunks`, then `finish`, and `text` if one was asked for."""

    def __init__(self, request: Request, text_field: str | None, arrival: Arrival) -> None:
        """Raise `BadForm` if it is none."""
        self._request = request
        self._arrival = arrival
        self._part = FilePart(request.headers.get("content-type", ""), _FIELD, text_field)
        self._total_bytes = 0
        self._sha256 = hashlib.sha256()

    async def chunks(self) -> AsyncIterator[RecordingChunk]:
        """The file. Raises HTTPException if it is too long, and `UploadTooSlow`."""
        async for content in self._part.read(self._arrival.paced(self._request.stream(), len)):
            self._total_bytes += len(content)
            if self._total_bytes > LARGEST_FILE:
                raise _too_large()
            self._sha256.update(content)
            yield RecordingChunk(content=content)

    def finish(self) -> FinishUpload:
        """What the file was."""
        return FinishUpload(total_bytes=self._total_bytes, sha256=self._sha256.digest())

    @property
    def text(self) -> bytes:
        """The content of the text field."""
        return self._part.text


def _too_large() -> HTTPException:
    """What a recording that is too long is answered with."""
    return HTTPException(413, f"a recording may have {LARGEST_FILE} bytes (4 MiB)")


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "Content-Length is required")
    if int(length) > LARGEST_FILE + LARGEST_REST:
        raise _too_large()
