from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st

from mesh.times import duration, seconds


def test_a_duration_left_out_is_zero() -> None:
    assert seconds(Duration()) == 0.0


def test_a_frame_is_exact() -> None:
    assert duration(0.08) == Duration(nanos=80_000_000)
    assert duration(3_600.5) == Duration(seconds=3_600, nanos=500_000_000)


@given(st.floats(min_value=-1e6, max_value=1e6))
def test_seconds_come_back_to_the_nanosecond(length: float) -> None:
    assert abs(seconds(duration(length)) - length) < 1.1e-9
