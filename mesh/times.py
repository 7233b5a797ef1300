"""Seconds: the clock of the event loop, and protobuf durations."""

import asyncio

from google.protobuf.duration_pb2 import Duration

_NANOSECONDS = 1_000_000_000


def loop_time() -> float:
    """The time of the running event loop, in monotonic seconds from an arbitrary start."""
    return asyncio.get_running_loop().time()


def seconds(duration: Duration) -> float:
    """The length of `duration` in seconds. A duration that was left out is zero."""
    return duration.seconds + duration.nanos / _NANOSECONDS


def duration(seconds: float) -> Duration:
    """The duration of so many seconds, to the nearest nanosecond."""
    length = Duration()
    length.FromNanoseconds(round(seconds * _NANOSECONDS))
    return length
