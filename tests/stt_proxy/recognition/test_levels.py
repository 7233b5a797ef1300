import pytest

from stt_proxy.recognition.levels import Level


def level(*loudness: float) -> Level:
    found = Level()
    for rms in loudness:
        found.feed(rms)
    return found


@pytest.mark.parametrize(
    ("loudness", "gain"),
    [
        ([], 1.0),
        ([0.03], 1.0),
        ([0.3] * 20, 0.1),
        ([0.015] * 20, 2.0),
        ([0.006] * 17 + [0.015] * 3, 2.0),
        ([0.9] * 20, 0.1),
        ([1e-9], 10.0),
        ([0.3] * 100 + [0.03] * 62, 1.0),
    ],
    ids=["nothing said", "just right", "loud", "quiet", "by the loud frames", "too loud", "too quiet", "the last 5 s"],
)
def test_the_gain_brings_speech_to_one_level(loudness: list[float], gain: float) -> None:
    assert level(*loudness).gain == pytest.approx(gain)
