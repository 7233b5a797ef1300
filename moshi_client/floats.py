"""Lists of numbers in MessagePack, packed and unpacked as whole arrays: a frame has 1 920 of them, 25 frames a second.

moshi-server writes each number as a marker (0xCA) and a big-endian float32, which is a structured array to NumPy. What
another writer made of them, float64 or integers, is understood as well, one number at a time.
"""

from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_FLOAT32: Final = 0xCA
_ENTRY: Final = np.dtype([("marker", "u1"), ("value", ">f4")])

_FIX_ARRAY, _ARRAY_16, _ARRAY_32 = 0x90, 0xDC, 0xDD
_LONGEST_FIX_ARRAY, _LONGEST_ARRAY_16 = 0x0F, 0xFFFF

_numbers: Final = msgspec.msgpack.Decoder(list[float])


def packed_floats(samples: Floats) -> bytes:
    """The MessagePack list of these numbers, each a float32."""
    entries = np.empty(len(samples), _ENTRY)
    entries["marker"] = _FLOAT32
    entries["value"] = samples
    return _header(len(samples)) + entries.tobytes()


def unpacked_list(packed: msgspec.Raw | bytes) -> list[float]:
    """The numbers of a short MessagePack list, cheaper than as an array. Raises `msgspec.DecodeError`."""
    return _numbers.decode(packed)


def unpacked_floats(packed: msgspec.Raw | bytes) -> Floats:
    """The numbers of a MessagePack list. Raises `msgspec.DecodeError` if it is anything else."""
    data = memoryview(packed)
    start = _header_length(data)
    if start and (len(data) - start) % _ENTRY.itemsize == 0:
        entries = np.frombuffer(data, _ENTRY, offset=start)
        if _header(len(entries)) == data[:start] and (entries["marker"] == _FLOAT32).all():
            return entries["value"].astype(np.float32)
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, for the caller to judge
        return np.asarray(_numbers.decode(data), np.float64).astype(np.float32)


def _header(length: int) -> bytes:
    if length <= _LONGEST_FIX_ARRAY:
        return bytes([_FIX_ARRAY | length])
    if length <= _LONGEST_ARRAY_16:
        return bytes([_ARRAY_16]) + length.to_bytes(2, "big")
    return bytes([_ARRAY_32]) + length.to_bytes(4, "big")


def _header_length(data: memoryview) -> int:
    """How long the header is; 0: this is no list."""
    match data[0] if data else 0:
        case 0xDC:
            return 3
        case 0xDD:
            return 5
        case first if first & 0xF0 == _FIX_ARRAY:
            return 1
        case _:
            return 0
