import pytest

from stt_proxy.engines.whisper.capacity import capacity


@pytest.mark.parametrize(
    ("took_s", "width", "told", "streams", "limit_s"),
    [
        pytest.param(0.26, 2, 0, 4, 1.0, id="a recent processor: four on two cores"),
        pytest.param(0.05, 2, 0, 4, 1.0, id="and no more on a better one"),
        pytest.param(0.385, 2, 0, 2, 1.0, id="without VNNI: two"),
        pytest.param(0.7, 2, 0, 1, 1.0, id="slow: one"),
        pytest.param(1.4, 2, 0, 1, 2.0, id="so slow that words come later"),
        pytest.param(9.0, 1, 0, 1, 5.0, id="callers are told a bounded time"),
        pytest.param(0.26, 2, 8, 8, 1.7, id="what somebody has decided"),
        pytest.param(0.26, 8, 0, 16, 1.0, id="eight cores"),
    ],
)
def test_streams_and_how_long_a_flush_takes(took_s: float, width: int, told: int, streams: int, limit_s: float) -> None:
    found = capacity(took_s, width, told)
    assert found.streams == streams
    assert found.flush_limit_s == pytest.approx(limit_s)
