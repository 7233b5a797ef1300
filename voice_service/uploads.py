"""Receives files: chunks, and at the end how many bytes they have and their hash."""

import hashlib
from collections.abc import AsyncIterator
from typing import TypeVar

from mesh.errors import Idle, InvalidRequest, UploadIncomplete, UploadTooLarge
from mesh.upload_slots import Arrival, UploadTooSlow
from parley.voices.v1.voices_pb2 import CreateVoiceRequest, FinishUpload, SubmitDonationRequest

Part = TypeVar("Part", CreateVoiceRequest, SubmitDonationRequest)

LARGEST_RECORDING = 4 << 20
"""Bytes; Unmute's limit."""
LARGEST_CHUNK = 1 << 20


async def received(requests: AsyncIterator[Part], arrival: Arrival) -> bytes:
    """The whole file. Raises `UploadTooLarge`, `UploadIncomplete`, `Idle`, and `InvalidRequest` for what is no part."""
    try:
        return await _received(arrival.paced(requests, lambda request: request.ByteSize()))
    except UploadTooSlow as error:
        raise Idle(str(error)) from None


async def _received(requests: AsyncIterator[Part]) -> bytes:
    content = bytearray()
    async for request in requests:
        match request.WhichOneof("request"):
            case "chunk":
                if len(request.chunk.content) > LARGEST_CHUNK:
                    raise InvalidRequest(f"a chunk may have {LARGEST_CHUNK} bytes", field="chunk.content")
                check_size(len(content) + len(request.chunk.content), field="chunk")
                content += request.chunk.content
            case "finish":
                _check(content, request.finish)
                return bytes(content)
            case "config":
                raise InvalidRequest("config comes once", field="config")
            case None:
                raise InvalidRequest("the request is empty", field="request")
    raise UploadIncomplete("the upload ended without finish", field="finish")


def check_size(size: int, field: str) -> None:
    """Raise `UploadTooLarge` if a recording of so many bytes is not taken."""
    if size > LARGEST_RECORDING:
        raise UploadTooLarge(
            f"a recording may have {LARGEST_RECORDING} bytes ({LARGEST_RECORDING >> 20} MiB)", field=field
        )


def _check(content: bytearray, finish: FinishUpload) -> None:
    if len(content) != finish.total_bytes:
        raise UploadIncomplete(f"{len(content)} bytes have arrived of {finish.total_bytes}", field="finish.total_bytes")
    if hashlib.sha256(content).digest() != finish.sha256:
        raise UploadIncomplete("the bytes that have arrived do not have this hash", field="finish.sha256")
