"""Whether Whisper finds words in noise: an hour of sounds that are no speech, faster than in real time. None is right.

    python benchmarks/stt_noise.py [--minutes 60] [--model base] [--seed 0]

Six kinds take turns: silence of a room, a fan, music (chords with a melody and drums), typing, coughs, and a crowd of
forty eSpeak voices at once, in which no voice stands out. Windows are decoded as soon as they are wanted.
"""

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from stt_proxy.engine import Event, Pause, Word
from stt_proxy.engines.whisper.model import WhisperModel, load
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.engines.whisper.plugin import WhisperSettings, model_folder
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.pauses import SPEAKING_BELOW
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Schedule
from stt_proxy.windowed.transcription import Transcription
from tts_proxy.engines.espeak.library import Prosody, library

Samples = NDArray[np.float64]

LENGTH_S = 10.0
VOICED = 0.3
"""The share of coughs with a bit of voice at their end."""
SAMPLES = round(LENGTH_S * SAMPLE_RATE)


def room(noise: np.random.Generator) -> Samples:
    """Next to nothing."""
    return noise.normal(0, 10 ** noise.uniform(-4, -3), SAMPLES)


def fan(noise: np.random.Generator) -> Samples:
    """Noise that grows fainter with the frequency, and a hum."""
    spectrum = np.fft.rfft(noise.normal(0, 1, SAMPLES))
    hertz = np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE)
    sound = np.fft.irfft(spectrum / np.maximum(hertz, 60) ** noise.uniform(0.4, 1.0), SAMPLES)
    at_s = np.arange(SAMPLES) / SAMPLE_RATE
    return level(level(sound, 1) + 0.3 * np.sin(2 * np.pi * noise.uniform(90, 130) * at_s), noise.uniform(0.01, 0.06))


def music(noise: np.random.Generator) -> Samples:
    """Chords, a melody above them, a drum."""
    sound = np.zeros(SAMPLES)
    beat = round(noise.uniform(0.35, 0.6) * SAMPLE_RATE)
    chord = noise.choice([0, 5, 7, 9])
    for number, begin in enumerate(range(0, SAMPLES - beat, beat)):
        at_s = np.arange(beat) / SAMPLE_RATE
        if number % 4 == 0:
            chord = noise.choice([0, 5, 7, 9])
        notes = [chord, chord + 4, chord + 7, chord + 12 + noise.choice([0, 2, 4, 7, 9])]
        decay = np.exp(-2 * at_s)
        for note in notes:
            hertz = 196 * 2 ** (note / 12)
            sound[begin : begin + beat] += decay * sum(
                np.sin(2 * np.pi * hertz * n * at_s) / n**1.5 for n in (1, 2, 3, 4)
            )
        hit = min(beat, 2_400)
        sound[begin : begin + hit] += 3 * noise.normal(0, 1, hit) * np.exp(-np.arange(hit) / 400)
    return level(sound, noise.uniform(0.02, 0.08))


def typing(noise: np.random.Generator) -> Samples:
    """Clicks, some of them in a row."""
    sound = noise.normal(0, 3e-4, SAMPLES)
    at = 0
    while (at := at + round(noise.exponential(0.18) * SAMPLE_RATE) + 960) < SAMPLES - 2_000:
        click = noise.normal(0, 1, 1_200) * np.exp(-np.arange(1_200) / noise.uniform(60, 250))
        sound[at : at + 1_200] += noise.uniform(0.02, 0.15) * click
    return sound


def coughs(noise: np.random.Generator) -> Samples:
    """One every few seconds: a burst, a hiss through a throat, now and then a bit of voice."""
    sound = noise.normal(0, 5e-4, SAMPLES)
    at = 0
    while (at := at + round(noise.uniform(1, 3) * SAMPLE_RATE)) < SAMPLES - SAMPLE_RATE:
        length = round(noise.uniform(0.2, 0.45) * SAMPLE_RATE)
        spectrum = np.fft.rfft(noise.normal(0, 1, length))
        hertz = np.fft.rfftfreq(length, 1 / SAMPLE_RATE)
        throat = sum(
            np.exp(-(((hertz - peak) / 250) ** 2)) for peak in noise.uniform((400, 1200, 2200), (700, 1800, 3000))
        )
        burst = np.fft.irfft(spectrum * (throat + 0.1), length) * np.exp(-np.linspace(0, noise.uniform(3, 6), length))
        if noise.random() < VOICED:
            voiced = length // 3
            at_s = np.arange(voiced) / SAMPLE_RATE
            pitch = noise.uniform(100, 220)
            burst[-voiced:] += 0.3 * sum(np.sin(2 * np.pi * pitch * n * at_s + n * n) / n for n in range(1, 15)) / 5
        sound[at : at + length] += level(burst, noise.uniform(0.02, 0.1))
    return sound


def crowd(noise: np.random.Generator) -> Samples:
    """Forty voices far away."""
    sound = np.zeros(SAMPLES)
    for voice in noise.choice(len(_voices()), 40):
        spoken = np.roll(_voices()[voice], noise.integers(SAMPLES))
        sound += noise.uniform(0.5, 1) * spoken
    hertz = np.fft.rfftfreq(SAMPLES, 1 / SAMPLE_RATE)
    far = np.fft.irfft(np.fft.rfft(sound) / (1 + (hertz / 1_500) ** 2), SAMPLES)
    return level(far, noise.uniform(0.005, 0.03))


_TEXTS = (
    "I told him that it would never work and now look at what has happened to all of us.",
    "Another round for the table over there, please, and the bill for these two gentlemen.",
    "She moved to the coast last year because the rents in the city had become too high.",
    "And then the train stopped in the middle of nowhere for three hours without a word.",
)
_made: list[Samples] = []


def _voices() -> list[Samples]:
    """Ten seconds each of several voices."""
    if not _made:
        for number, text in enumerate(_TEXTS * 4):
            prosody = Prosody(
                ("gmw/en-US", "gmw/en", "gmw/en-GB-scotland", "roa/fr")[number // 4], rate=150 + 9 * number
            )
            spoken = library().speak(text, prosody, lambda: False).samples.astype(np.float64)
            _made.append(level(np.resize(soxr.resample(spoken, library().sample_rate, SAMPLE_RATE), SAMPLES), 1))
    return _made


KINDS: dict[str, Callable[[np.random.Generator], Samples]] = {
    "room": room,
    "fan": fan,
    "music": music,
    "typing": typing,
    "coughs": coughs,
    "crowd": crowd,
}


def level(sound: Samples, rms: float) -> Samples:
    """The sound, as loud as `rms`."""
    return np.asarray(sound * (rms / np.sqrt(np.mean(np.square(sound)))))


def heard(model: WhisperModel, pcm: bytes, tally: Counter[str]) -> Iterator[Event]:
    """What is made of a stream of its own, each window decoded as soon as it is wanted."""
    schedule: Schedule[str] = Schedule()
    transcription = Transcription(SpeechDetector(), SpokenLanguage("", "en"), lambda urgency: schedule.ask("", urgency))

    def decoded() -> Iterator[Event]:
        while job := schedule.begin():
            window = transcription.window(job.urgency)
            if window is not None:
                tally["windows"] += 1
                said = model.decode(window.samples, window.language, window.likely)
                if said.words:
                    tally["hypotheses"] += 1
                yield from transcription.decoded(window, Decoding(said.said, said.language, said.certainty))
            schedule.end(job)

    for begin in range(0, len(pcm), FRAME_BYTES):
        yield from transcription.feed(pcm[begin : begin + FRAME_BYTES])
        yield from decoded()
    yield from transcription.finish()
    yield from decoded()


def main() -> None:
    """Listen to as many minutes as the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", choices=MODELS, default="base")
    parser.add_argument("--seed", type=int, default=0, help="another hour of noise for each")
    wanted = parser.parse_args()
    folder: Path = asyncio.run(model_folder(WhisperSettings(model=wanted.model)))
    model = load(folder, 1, MODELS[wanted.model].shortest)
    began, words, spoke, tallies = time.process_time(), 0, Counter[str](), {kind: Counter[str]() for kind in KINDS}
    rounds = round(wanted.minutes * 60 / LENGTH_S)
    for number in range(rounds):
        kind = list(KINDS)[number % len(KINDS)]
        sound = KINDS[kind](np.random.default_rng((wanted.seed, number) if wanted.seed else number))
        pcm = (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()
        events = list(heard(model, pcm, tallies[kind]))
        spoke[kind] += any(isinstance(event, Pause) and event.probability < SPEAKING_BELOW for event in events)
        found = [event.text for event in events if isinstance(event, Word)]
        tallies[kind]["words"] += len(found)
        words += len(found)
        if found:
            print(f"  {kind} {number}: {' '.join(found)}", flush=True)
    for kind, tally in tallies.items():
        print(
            f"{kind}: taken for speech in {spoke[kind]} of {-(-rounds // len(KINDS))}, {tally['windows']} windows, "
            f"{tally['hypotheses']} with words in them, {tally['words']} words given"
        )
    took_s = time.process_time() - began
    print(f"{words} words in {rounds * LENGTH_S / 60:.0f} minutes of noise; {took_s:.0f} s of processor time")


if __name__ == "__main__":
    main()
