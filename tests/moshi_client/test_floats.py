import struct

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from moshi_client.floats import packed_floats, unpacked_floats

SAMPLES = st.lists(st.floats(width=32, allow_nan=False), max_size=40)
ANY_NUMBERS = st.lists(st.floats(width=32, allow_nan=False) | st.integers(-(2**15), 2**15), max_size=20)


def one_by_one(samples: list[float]) -> bytes:
    """A list as MessagePack is written by hand: a header, then a marker and a float32 for each number."""
    count = len(samples)
    if count < 16:
        header = bytes([0x90 | count])
    elif count < 65_536:
        header = b"\xdc" + count.to_bytes(2, "big")
    else:
        header = b"\xdd" + count.to_bytes(4, "big")
    return header + b"".join(struct.pack(">Bf", 0xCA, sample) for sample in samples)


@given(SAMPLES)
def test_what_is_packed_is_what_a_writer_of_single_numbers_writes(samples: list[float]) -> None:
    assert packed_floats(np.array(samples, np.float32)) == one_by_one(samples)


@given(SAMPLES)
def test_what_was_packed_is_unpacked(samples: list[float]) -> None:
    assert unpacked_floats(packed_floats(np.array(samples, np.float32))).tolist() == samples


@given(ANY_NUMBERS)
def test_other_writers_numbers_are_understood(numbers: list[float]) -> None:
    """float64 and integers of all sizes, which the fast path does not know."""
    assert unpacked_floats(msgspec.msgpack.encode(numbers)).tolist() == numbers


@given(SAMPLES, st.integers(0, 200), st.integers(0, 255))
def test_the_fast_way_reads_what_the_slow_way_reads(samples: list[float], place: int, byte: int) -> None:
    """Also of bytes that somebody has changed: the same numbers, or no numbers."""
    data = bytearray(one_by_one(samples))
    data[place % len(data)] = byte
    try:
        numbers = np.asarray(msgspec.msgpack.decode(bytes(data), type=list[float]), np.float64)
    except msgspec.DecodeError:
        with pytest.raises(msgspec.DecodeError):
            unpacked_floats(bytes(data))
    else:
        with np.errstate(over="ignore"):
            slowly = numbers.astype(np.float32)
        np.testing.assert_array_equal(unpacked_floats(bytes(data)), slowly)


@pytest.mark.parametrize("length", [0, 15, 16, 1_920, 65_535, 65_536])
def test_every_size_of_header(length: int) -> None:
    samples = np.linspace(-1, 1, length, dtype=np.float32)
    packed = packed_floats(samples)
    assert packed == one_by_one(samples.tolist())
    np.testing.assert_array_equal(unpacked_floats(packed), samples)


@pytest.mark.parametrize("data", [b"", b"\xc0", b"\x91", b"\x91\xca\x00", b"\xdc\x00", b"\x91\xa1a", b"\xc4\x01\x00"])
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked_floats(data)


def test_a_number_too_large_for_a_float32_is_infinite() -> None:
    assert unpacked_floats(msgspec.msgpack.encode([1e300])).tolist() == [float("inf")]
