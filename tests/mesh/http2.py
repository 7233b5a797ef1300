"""Just enough HTTP/2 to see which frames a gRPC server answers with."""

import asyncio
from typing import NamedTuple

HEADERS, DATA, SETTINGS = 1, 0, 4
END_STREAM, END_HEADERS = 1, 4


class Frame(NamedTuple):
    kind: int
    flags: int
    stream: int


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _headers(path: str) -> bytes:
    fields = {
        ":method": "POST",
        ":scheme": "http",
        ":path": path,
        ":authority": "test",
        "te": "trailers",
        "content-type": "application/grpc",
    }
    # HPACK, every field a literal that is not indexed.
    return b"".join(
        b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in fields.items()
    )


async def answer_frames(port: int, path: str, message: bytes = b"") -> list[Frame]:
    """Call a method with one message and half-close; the HEADERS and DATA frames of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        body = b"\0" + len(message).to_bytes(4, "big") + message
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0))
        writer.write(_frame(HEADERS, END_HEADERS, 1, _headers(path)) + _frame(DATA, END_STREAM, 1, body))
        await writer.drain()
        answer: list[Frame] = []
        async with asyncio.timeout(5):
            while not (answer and answer[-1].flags & END_STREAM):
                head = await reader.readexactly(9)
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                frame = Frame(head[3], head[4], int.from_bytes(head[5:], "big"))
                if frame.stream == 1 and frame.kind in (HEADERS, DATA):
                    answer.append(frame)
        return answer
    finally:
        writer.close()
        await writer.wait_closed()
