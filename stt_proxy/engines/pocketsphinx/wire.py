"""What the proxy and a worker say to each other, through the worker's standard input and output.

Each message is four bytes of length, big-endian, and so many of MessagePack. Streams are numbered: a worker skips what
belongs to a stream older than the newest, the proxy what belongs to another than its own, so that neither has to wait
for the other when a stream ends.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from stt_proxy.engine import Event

LENGTH_BYTES: Final = 4


class Open(Struct, frozen=True, tag=True):
    """A new stream begins, and the one before it is forgotten."""

    stream: int


class Audio(Struct, frozen=True, tag=True):
    """The stream's next samples: 16-bit PCM, 24 kHz."""

    stream: int
    pcm: bytes


class Flush(Struct, frozen=True, tag=True):
    """Give all words of what was sent, then say `Flushed`."""

    stream: int
    flush_id: int


class Finish(Struct, frozen=True, tag=True):
    """Give all words of what was sent, then say `Finished`."""

    stream: int


Command: TypeAlias = Open | Audio | Flush | Finish
"""What the proxy says."""


class Ready(Struct, frozen=True, tag=True):
    """The worker has loaded its models and takes streams."""


class Heard(Struct, frozen=True, tag=True):
    """Something was heard in a stream."""

    stream: int
    event: Event


class Finished(Struct, frozen=True, tag=True):
    """A finished stream has no more events."""

    stream: int


Reply: TypeAlias = Ready | Heard | Finished
"""What a worker says."""


command_from: Final[msgspec.msgpack.Decoder[Command]] = msgspec.msgpack.Decoder(Command)
reply_from: Final[msgspec.msgpack.Decoder[Reply]] = msgspec.msgpack.Decoder(Reply)


def packed(message: Command | Reply) -> bytes:
    """A message with its length in front."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
