from functools import cache
from itertools import pairwise
from math import ceil, log10

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mesh.audio import Resampler

RATES = [(24_000, 8_000), (8_000, 24_000), (24_000, 16_000), (16_000, 24_000), (24_000, 48_000), (48_000, 24_000)]
PASSES_BELOW = 0.43
"""Of the lower rate: the edge of the pass band. The stop band begins at 0.5."""


def sine(hertz: float, rate: int, seconds: float = 0.5) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate).astype(np.float32)


def decibels(amplitude: float) -> float:
    return 20 * log10(max(amplitude, 1e-9))


def resampled(hertz: float, source: int, target: int) -> NDArray[np.float64]:
    """A sine after resampling, without its beginning."""
    return Resampler(source, target).process(sine(hertz, source)).astype(np.float64)[target // 20 :]


def split(samples: NDArray[np.float64], hertz: float, rate: int) -> tuple[float, float]:
    """The amplitude of what is at `hertz`, and of everything else."""
    phase = 2 * np.pi * hertz * np.arange(len(samples)) / rate
    basis = np.stack([np.sin(phase), np.cos(phase)], axis=1)
    weights = np.linalg.lstsq(basis, samples, rcond=None)[0]
    rest = samples - basis @ weights
    return float(np.hypot(*weights)), float(np.sqrt(2 * np.mean(rest**2)))


@pytest.mark.parametrize(("source", "target"), RATES)
def test_speech_passes_unchanged_and_nothing_is_added(source: int, target: int) -> None:
    for hertz in np.linspace(60, PASSES_BELOW * min(source, target), 25):
        wanted, added = split(resampled(hertz, source, target), hertz, target)
        assert abs(decibels(wanted)) < 0.05, hertz
        assert decibels(added) < -68, hertz


@pytest.mark.parametrize(("source", "target"), [rates for rates in RATES if rates[0] > rates[1]])
def test_what_the_lower_rate_cannot_hold_is_removed(source: int, target: int) -> None:
    for hertz in np.linspace(target / 2, source / 2 - 1, 25):
        left = resampled(hertz, source, target)
        assert decibels(float(np.sqrt(2 * np.mean(left**2)))) < -68, hertz


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_sound_is_late_by_the_delay_and_no_more(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    click = np.zeros(source // 10, np.float32)
    click[source // 20] = 1.0
    heard = int(np.argmax(np.abs(resampler.process(click)))) / target
    assert heard - 0.05 == pytest.approx(resampler.delay_s, abs=0.5 / min(source, target))
    assert resampler.delay_s <= 0.004


@pytest.mark.parametrize(("source", "target"), RATES)
def test_a_frame_in_is_a_frame_out_for_ever(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    frame = np.zeros(source * 80 // 1_000, np.int16)
    assert {len(resampler.process(frame)) for _ in range(500)} == {target * 80 // 1_000}


@pytest.mark.parametrize(("source", "target"), RATES)
def test_full_scale_stays_full_scale_and_does_not_wrap(source: int, target: int) -> None:
    square = np.where(np.arange(source // 10) // (source // 200) % 2, 32_767, -32_768).astype(np.int16)
    heard = Resampler(source, target).process(square)
    assert heard.max() == 32_767
    assert heard.min() == -32_768
    assert np.abs(np.diff(heard[np.abs(heard) > 32_000].astype(int))).max() < 66_000


@cache
def noise() -> NDArray[np.int16]:
    return np.random.default_rng(7).integers(-32_768, 32_768, 3_000, dtype=np.int16)


@pytest.mark.parametrize(("source", "target"), RATES)
@settings(max_examples=60)
@given(cuts=st.lists(st.integers(0, 3_000), max_size=12))
def test_the_same_comes_out_whatever_pieces_go_in(source: int, target: int, cuts: list[int]) -> None:
    samples = noise()
    whole = Resampler(source, target).process(samples)
    resampler = Resampler(source, target)
    pieces = [resampler.process(samples[begin:end]) for begin, end in pairwise([0, *sorted(cuts), len(samples)])]
    assert np.array_equal(np.concatenate(pieces), whole)


@pytest.mark.parametrize(("source", "target"), RATES)
def test_after_each_sample_exactly_what_is_due_is_out(source: int, target: int) -> None:
    resampler = Resampler(source, target)
    out = 0
    for count, sample in enumerate(noise()[:200], start=1):
        out += len(resampler.process(np.array([sample])))
        assert out == ceil(count * target / source)


def test_floats_come_out_as_floats() -> None:
    assert Resampler(24_000, 16_000).process(np.zeros(3, np.float32)).dtype == np.float32
