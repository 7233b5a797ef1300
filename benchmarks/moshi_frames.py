"""How long one frame of audio takes to pack for moshi-server, and to unpack from it: as whole arrays and one by one.

    python benchmarks/moshi_frames.py [ROUNDS]

A frame is 1 920 samples, 80 ms. The one-by-one way is the one a MessagePack library offers: a list of Python numbers,
made from the samples or turned into them. Only the ratios mean anything from one machine to another.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import msgpack
import numpy as np
from msgspec import Raw

from moshi_client.floats import packed_floats
from moshi_client.messages import Audio, from_voice, numbers, packed, unpacked

SAMPLES = np.random.default_rng(0).normal(0, 0.1, 1_920).astype(np.float32)
PACKED = packed(Audio(Raw(packed_floats(SAMPLES))))


def pack_arrays() -> bytes:
    """Our way."""
    return packed(Audio(Raw(packed_floats(SAMPLES))))


def pack_one_by_one() -> Any:
    """A library's way."""
    return msgpack.packb({"type": "Audio", "pcm": SAMPLES.tolist()}, use_single_float=True)


def unpack_arrays() -> Any:
    """Our way."""
    message = unpacked(PACKED, from_voice)
    return numbers(message.pcm) if isinstance(message, Audio) else message


def unpack_one_by_one() -> Any:
    """A library's way."""
    return np.array(msgpack.unpackb(PACKED)["pcm"], np.float32)


def fastest_us(work: Callable[[], Any], rounds: int) -> float:
    """The best of so many rounds of a hundred, which the rest of the machine disturbed least."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(100):
            work()
        best = min(best, time.perf_counter() - began)
    return best * 1e6 / 100


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    np.testing.assert_equal(pack_arrays(), pack_one_by_one())
    np.testing.assert_array_equal(unpack_arrays(), unpack_one_by_one())
    for name, arrays, one_by_one in (
        ("pack", pack_arrays, pack_one_by_one),
        ("unpack", unpack_arrays, unpack_one_by_one),
    ):
        fast, slow = fastest_us(arrays, rounds), fastest_us(one_by_one, rounds)
        print(f"{name:6}  arrays {fast:6.1f} µs   one by one {slow:6.1f} µs   {slow / fast:4.1f} times")


if __name__ == "__main__":
    main()
