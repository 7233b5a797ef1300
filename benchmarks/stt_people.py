"""How well and how soon the embedded recognisers hear people, beside each other.

    apt-get download pocketsphinx-testdata && dpkg-deb -x pocketsphinx-testdata_*.deb speech
    python benchmarks/stt_people.py speech/usr/share/pocketsphinx/test/data [--models base tiny.en] [--speed 1.0]

The speech is in Debian's package pocketsphinx-testdata (BSD): 101 words that people read, of which 71 are LibriVox's
(public domain). It is heard as it is, by telephone (G.711 at 8 kHz) and from a browser (noise suppression that leaves
holes, and Opus).

Time is simulated: each decoding takes the processor time that it takes here, times `--speed`, on two processors, so
that what else this machine does changes nothing. With `--speed` a machine of another speed can be tried. The caller
flushes when the pause score says so, as the orchestrator does.
"""

import argparse
import asyncio
import heapq
import itertools
import re
import resource
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import soxr
import sphn
from numpy.typing import NDArray

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_RATE
from mesh.audio.g711 import MU_LAW
from stt_proxy.engine import Event, Flushed, Pause, Word
from stt_proxy.engines.pocketsphinx.models import Decoder
from stt_proxy.engines.pocketsphinx.transcription import Transcription as PocketSphinxTranscription
from stt_proxy.engines.whisper.model import WhisperModel, load
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.engines.whisper.plugin import WhisperSettings, model_folder
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.pauses import PAUSING_ABOVE, SPEAKING_BELOW
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Job, Schedule
from stt_proxy.windowed.transcription import Transcription, Window

Samples = NDArray[np.float32]

SPEECH_RMS, ROOM_RMS = 0.03, 1e-3
PROCESSORS = 2
RATE = 16_000

NUMBERS = dict(
    zip(
        ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"],
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"],
        strict=True,
    )
)
WRITTEN = NUMBERS | {"mr": "mister"}


@dataclass(frozen=True)
class Clip:
    """What somebody said: 24 kHz, and the words."""

    samples: Samples
    words: tuple[str, ...]


def plain(text: str) -> list[str]:
    """The words of a text as they are compared."""
    found = re.findall(r"[a-z']+|\d+", text.lower().replace("-", " "))
    words: list[str] = []
    for each in found:
        # "2934" is four words, "10" one.
        words += (
            [WRITTEN[each]] if each in WRITTEN else [WRITTEN[digit] for digit in each] if each.isdigit() else [each]
        )
    return words


def clips(folder: Path) -> list[Clip]:
    """Everything of which the package says what was said."""
    found = []
    for line in (folder / "librivox" / "transcription").read_text().splitlines():
        text, name = re.fullmatch(r"(.*) \((.*)\)", line.strip()).groups()  # type: ignore[union-attr]
        found.append((folder / "librivox" / f"{name}.wav", text))
    names = (folder / "cards" / "cards.fileids").read_text().split()
    texts = (folder / "cards" / "cards.transcription").read_text().splitlines()
    found += [
        (folder / "cards" / f"{name}.wav", text.rpartition("(")[0]) for name, text in zip(names, texts, strict=True)
    ]
    found += [(folder / "goforward.raw", "go forward ten meters")]
    found += [(folder / "tidigits" / "dhd.2934z.raw", "two nine three four zero")]
    return [Clip(recording(path), tuple(plain(re.sub(r"</?s>", "", text)))) for path, text in found]


def recording(path: Path) -> Samples:
    """A file as samples."""
    if path.suffix == ".wav":
        with wave.open(str(path)) as opened:
            pcm = opened.readframes(opened.getnframes())
    else:
        pcm = path.read_bytes()
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    samples *= SPEECH_RMS / np.sqrt(np.mean(samples**2))
    return np.asarray(soxr.resample(samples, RATE, SAMPLE_RATE), np.float32)


def scene(*sounds: Samples, pause_s: float = 1.5) -> Samples:
    """The sounds in a quiet room, with pauses after them."""
    pause = np.zeros(round(pause_s * SAMPLE_RATE), np.float32)
    sound = np.concatenate([pause, *(each for sound in sounds for each in (sound, pause))])
    return np.asarray(sound + np.random.default_rng(1).normal(0, ROOM_RMS, len(sound)), np.float32)


def telephone(sound: Samples) -> Samples:
    """As it comes over a telephone line."""
    narrow = soxr.resample(sound, SAMPLE_RATE, 8_000)
    heard = MU_LAW.decode(MU_LAW.encode((np.clip(narrow, -1, 1) * 32_767).astype(np.int16)))
    return np.asarray(soxr.resample(heard.astype(np.float32) / 32_768, 8_000, SAMPLE_RATE), np.float32)


def browser(sound: Samples) -> Samples:
    """As noise suppression leaves it, with nothing between sounds and between harmonics, and through Opus."""
    size, hop = 960, 480
    shape = np.hanning(size + 1)[:-1]
    padded = np.pad(sound.astype(np.float64), (size, size))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * shape
    spectra = np.fft.rfft(frames, axis=1)
    loudness = np.abs(spectra)
    spectra[loudness < loudness.max(axis=1, keepdims=True) / 30] = 0
    energy = np.sqrt(np.mean(frames**2, axis=1))
    spectra[energy < np.percentile(energy, 95) / 56] = 0
    kept = np.zeros(len(padded))
    for number, frame in enumerate(np.fft.irfft(spectra, size, axis=1)):
        kept[number * hop : number * hop + size] += frame
    clean = kept[size : size + len(sound)].astype(np.float32)
    writer, reader = sphn.OpusStreamWriter(SAMPLE_RATE), sphn.OpusStreamReader(SAMPLE_RATE)
    heard = [
        reader.append_bytes(bytes(writer.append_pcm(clean[at : at + 480])))
        for at in range(0, len(clean) - len(clean) % 480, 480)
    ]
    return np.concatenate([np.asarray(each, np.float32) for each in heard])


LINES: dict[str, Callable[[Samples], Samples]] = {
    "clean": lambda sound: sound,
    "telephone": telephone,
    "browser": browser,
}


def frames_of(sound: Samples) -> list[bytes]:
    """The sound as whole frames of PCM."""
    pcm = (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def wrong(said: list[str], heard: list[str]) -> int:
    """How many words have to be changed, added and removed to make one of the other."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


@dataclass
class Caller:
    """Hears events at simulated times, and flushes at pauses."""

    events: list[tuple[float, Event]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    speaking: bool = False
    cpu_s: float = 0.0

    def take(self, now: float, events: Iterator[Event]) -> bool:
        """Take events; whether to flush."""
        flush = False
        for event in events:
            self.events.append((now, event))
            if isinstance(event, Pause) and self.speaking and event.probability > PAUSING_ABOVE:
                self.speaking, flush = False, True
                self.asked.append(now)
            elif isinstance(event, Pause) and event.probability < SPEAKING_BELOW:
                self.speaking = True
        return flush

    @property
    def words(self) -> list[tuple[float, Word]]:
        """The words, each with when it came."""
        return [(now, event) for now, event in self.events if isinstance(event, Word)]

    @property
    def flushes_s(self) -> list[float]:
        """How long each flush took."""
        return [now - self.asked[event.flush_id] for now, event in self.events if isinstance(event, Flushed)]


def listen(model: WhisperModel, sounds: list[Samples], speed: float) -> list[Caller]:
    """Have several streams heard at once, in simulated time."""
    schedule: Schedule[int] = Schedule(max(1, PROCESSORS - 1))
    callers = [Caller() for _ in sounds]
    streams = [
        Transcription(SpeechDetector(), SpokenLanguage("", "en"), lambda urgency, at=at: schedule.ask(at, urgency))  # type: ignore[misc]
        for at in range(len(sounds))
    ]
    order = itertools.count()
    agenda: list[tuple[float, int, int, bytes | tuple[Job[int], Window, Decoding]]] = []
    for at, sound in enumerate(sounds):
        for number, frame in enumerate(frames_of(sound), start=1):
            heapq.heappush(agenda, (number * FRAME_S, next(order), at, frame))
    while agenda:
        now, _, at, what = heapq.heappop(agenda)
        caller, stream = callers[at], streams[at]
        if isinstance(what, bytes):
            if caller.take(now, stream.feed(what)):
                caller.take(now, stream.flush(len(caller.asked) - 1))
        else:
            job, window, decoding = what
            schedule.end(job)
            caller.take(now, stream.decoded(window, decoding))
        while schedule.running < PROCESSORS and (job_ := schedule.begin()):
            wanted = streams[job_.stream].window(job_.urgency)
            if wanted is None:
                schedule.end(job_)
                continue
            began = time.process_time()
            said = model.decode(wanted.samples, wanted.language, wanted.likely)
            took = (time.process_time() - began) * speed
            callers[job_.stream].cpu_s += took
            made = Decoding(said.said, said.language, said.certainty)
            heapq.heappush(agenda, (now + took, next(order), job_.stream, (job_, wanted, made)))
    return callers


def listen_sphinx(sound: Samples) -> Caller:
    """The same by PocketSphinx, as fast as it goes: words only."""
    transcription, caller = PocketSphinxTranscription(SpeechDetector(), Decoder()), Caller()
    began = time.process_time()
    for number, frame in enumerate(frames_of(sound), start=1):
        caller.take(number * FRAME_S, transcription.feed(frame))
    caller.take(len(sound) / SAMPLE_RATE, transcription.flush())
    caller.cpu_s = time.process_time() - began
    return caller


def accuracy(name: str, hear: Callable[[Samples], Caller], spoken: list[Clip]) -> None:
    """Say how many words are wrong on every line."""
    for line, through in LINES.items():
        sound = through(scene(*(clip.samples for clip in spoken)))
        caller = hear(sound)
        said = [word for clip in spoken for word in clip.words]
        heard = plain(" ".join(word.text for _, word in caller.words))
        length_s = len(sound) / SAMPLE_RATE
        print(f"{name}, {line}: {wrong(said, heard) / len(said):.1%} of {len(said)} words wrong, ", end="")
        print(f"{caller.cpu_s / length_s:.2f} s of a processor for a second of audio")
        if caller.flushes_s:
            slow = np.percentile(caller.flushes_s, [50, 100])
            late = np.percentile([now - word.end_s for now, word in caller.words], [50, 90])
            print("  Flushed after {:.2f} s (median), {:.2f} (at worst);".format(*slow), end=" ")
            print("a word {:.2f} s after its end (median), {:.2f} (90 %)".format(*late))


def endings(model: WhisperModel, spoken: list[Clip], speed: float) -> None:
    """Say how soon after the last sound all words are there, of 1, 3 and 8 s of speech, alone and four at once."""
    longest = np.concatenate([clip.samples for clip in spoken])
    for seconds in (1, 3, 8):
        speech = longest[: seconds * SAMPLE_RATE]
        loud = np.nonzero(np.abs(speech) > SPEECH_RMS / 4)[0]
        for streams in (1, 2, 4):
            sounds = [scene(np.roll(speech, 0), pause_s=1.5 + 0.02 * at) for at in range(streams)]
            took = []
            for at, caller in enumerate(listen(model, sounds, speed)):
                last_s = 1.5 + 0.02 * at + loud[-1] / SAMPLE_RATE
                took.append(max(now for now, event in caller.events if isinstance(event, Flushed)) - last_s)
            print(f"  {seconds} s of speech, {streams} at once: all words {max(took):.2f} s after the last sound")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("speech", type=Path)
    parser.add_argument("--models", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument(
        "--speed", type=float, default=1.0, help="what a decoding takes, as a multiple of what it takes here"
    )
    wanted = parser.parse_args()
    spoken = clips(wanted.speech)
    accuracy("PocketSphinx", listen_sphinx, spoken)
    before_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    for name in wanted.models:
        folder = asyncio.run(model_folder(WhisperSettings(model=name)))
        model = load(folder, 1, MODELS[name].shortest)
        accuracy(f"Whisper {name}", lambda sound, model=model: listen(model, [sound], wanted.speed)[0], spoken)  # type: ignore[misc]
        endings(model, spoken, wanted.speed)
        after_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"  {after_mb - before_mb:.0f} MB more than before")


if __name__ == "__main__":
    main()
