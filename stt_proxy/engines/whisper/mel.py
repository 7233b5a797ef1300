"""The log-mel spectrogram that Whisper hears: 80 bands, 100 frames a second, of 16 kHz samples."""

from functools import cache

import numpy as np
import numpy.typing as npt

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples

HOP = 160
"""Samples from one frame to the next: 10 ms."""

_WINDOW = 400
"""Samples that a frame is made of: 25 ms."""

_RANGE = 8.0
"""Decades below the loudest value that are distinguished."""

_LINEAR_HERTZ = 200 / 3
"""Slaney's mel scale: a mel is as much up to 1 kHz, and grows with the frequency above."""

_BEND_HERTZ, _BEND_MEL = 1_000.0, 15.0
_LOG_STEP = np.log(6.4) / 27


def log_mel(samples: Samples, bands: int = 80) -> Samples:
    """The spectrogram of the samples, as `bands` rows of one value for each hop, about -1 to 1.5."""
    padded = np.pad(samples, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][: len(samples) // HOP]
    power = np.abs(np.fft.rfft(frames * _hann(), axis=1)) ** 2
    logarithms = np.log10(np.maximum(_filters(bands) @ power.T.astype(np.float32), 1e-10))
    spectrogram: Samples = (np.maximum(logarithms, logarithms.max() - _RANGE) + 4) / 4
    return np.ascontiguousarray(spectrogram, np.float32)


@cache
def _hann() -> Samples:
    return np.hanning(_WINDOW + 1)[:-1].astype(np.float32)


@cache
def _filters(bands: int) -> Samples:
    """Triangles, evenly spaced in mels up to half the sample rate, of the same area each."""
    top = _BEND_MEL + np.log(SAMPLE_RATE / 2 / _BEND_HERTZ) / _LOG_STEP
    corners = _hertz(np.linspace(0, top, bands + 2))
    hertz = np.fft.rfftfreq(_WINDOW, 1 / SAMPLE_RATE)
    distances = corners[:, None] - hertz
    widths = np.diff(corners)[:, None]
    triangles = np.minimum(-distances[:-2] / widths[:-1], distances[2:] / widths[1:])
    weights = np.maximum(0, triangles) * (2 / (corners[2:] - corners[:-2]))[:, None]
    return np.asarray(weights, np.float32)


def _hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    bent = _BEND_HERTZ * np.exp(_LOG_STEP * (mels - _BEND_MEL))
    return np.where(mels < _BEND_MEL, mels * _LINEAR_HERTZ, bent)
