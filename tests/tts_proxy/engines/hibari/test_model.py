import threading
from pathlib import Path

import numpy as np
import pytest
from hibari.tts import ASSETS

from tts_proxy.engines.hibari.model import SAMPLE_RATE, GivenUp, Model, Run, with_output

HELLO = [0, 50, 83, 54, 156, 31, 4, 0]
"""Hello."""


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(Path(ASSETS) / "hibari.onnx")


def test_each_phoneme_has_its_time(model: Model) -> None:
    sound = model.speak(HELLO, 1.0, Run())
    assert len(sound.offsets_s) == len(HELLO) + 1
    assert (np.diff(sound.offsets_s) >= 0).all()
    assert sound.offsets_s[0] == 0
    assert sound.offsets_s[-1] == pytest.approx(len(sound.samples) / SAMPLE_RATE)
    first, vowel = sound.offsets_s[1], sound.offsets_s[5]
    assert np.abs(sound.samples[: round((first - 0.15) * SAMPLE_RATE)]).max() < 0.002
    assert np.abs(sound.samples[round(vowel * SAMPLE_RATE) :][:2400]).max() > 0.05


def test_speed_shortens_the_speech(model: Model) -> None:
    slow, fast = (model.speak(HELLO, speed, Run()) for speed in (0.5, 2.0))
    assert len(slow.samples) > 2 * len(fast.samples)


def test_a_run_that_is_given_up_ends_at_once(model: Model) -> None:
    run = Run()
    run.give_up()
    with pytest.raises(GivenUp):
        model.speak(HELLO, 1.0, run)


def test_a_run_can_be_given_up_from_another_thread(model: Model) -> None:
    run = Run()
    timer = threading.Timer(0.02, run.give_up)
    timer.start()
    with pytest.raises(GivenUp):
        model.speak([0, *HELLO[1:-1] * 100, 0], 0.5, run)
    timer.join()


def test_a_model_is_not_touched_by_what_is_added() -> None:
    assert with_output(b"model", "/x") == b"model\x3a\x06\x62\x04\x0a\x02/x"
