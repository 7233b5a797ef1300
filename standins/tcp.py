"""TCP connections that end badly."""

import asyncio
import socket
import struct


def reset(transport: asyncio.Transport) -> None:
    """End a connection by a TCP reset."""
    if raw := transport.get_extra_info("socket"):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
