"""HTTP bodies of a bounded size."""

from starlette.requests import Request


async def read(request: Request, limit: int) -> bytes | None:
    """The request's body; None when it is longer than `limit` bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            return None
    return bytes(body)
