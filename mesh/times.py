"""Seconds as numbers, and as protobuf durations."""

from google.protobuf.duration_pb2 import Duration

_NANOSECONDS = 1_000_000_000


def seconds(duration: Duration) -> float:
    """The length of `duration` in seconds. A duration that was left out is zero."""
    return duration.seconds + duration.nanos / _NANOSECONDS


def duration(seconds: float) -> Duration:
    """The duration of so many seconds, to the nearest nanosecond."""
    length = Duration()
    length.FromNanoseconds(round(seconds * _NANOSECONDS))
    return length
