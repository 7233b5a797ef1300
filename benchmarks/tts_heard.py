"""How well each local voice is understood: 60 sentences, heard by Whisper base, at 24 kHz and over a telephone.

    pip install 'ctranslate2>=4.8,<5'
    python benchmarks/tts_heard.py --model FOLDER [--show] [--mesh 127.0.0.1:50053]

With --mesh the sentences are spoken by a running mesh, over gRPC; without, by the engine alone, for which nobody has
prepared the text. FOLDER holds Whisper base as CTranslate2 has it: model.bin, config.json, vocabulary.txt. A word is
right if it is heard as it was written; numbers may be heard in words or in digits. Words that are missing, wrong or too
many count against the voice. Also printed: how loud the voice is, its peak, and its CPU time per second of speech.
"""
# ruff: noqa: PLR2004, RUF001 - the constants of Whisper's spectrogram and of English numbers are what they are

import argparse
import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import ctranslate2
import grpc
import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from mesh.audio.g711 import MU_LAW
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub
from tts_proxy.engine import Audio
from tts_proxy.engines.local.engine import local_engine
from tts_proxy.engines.local.plugin import LocalSettings

SENTENCES = (
    # Everyday speech.
    "I think the first thing to know about the tides is that they come twice a day.",
    "Would you like to hear where the other one comes from?",
    "That sounds like a lovely idea, so let us try it together.",
    "The old lighthouse keeper had not spoken to anyone for weeks.",
    "Please remind me to call my sister after dinner.",
    "It might rain this afternoon, but the evening should be dry.",
    "She put the kettle on and looked out of the window.",
    "Why do leaves change their colour in the autumn?",
    "You could start with something small and see how it feels.",
    "Nobody knew who had left the door open.",
    "The bakery on the corner sells the best bread in town.",
    "I am sorry, I did not quite catch that.",
    "Most people breathe about once every four seconds.",
    "Could you say that again, a little more slowly?",
    "The train was late, so we missed the beginning of the film.",
    # Numbers.
    "There are 24 hours in a day and 365 days in a year.",
    "The tower is 324 meters tall.",
    "About 8 billion people live on this planet.",
    "Water boils at 100 degrees at sea level.",
    "The answer is 42, and not 43.",
    "She ran 10 kilometers in 55 minutes.",
    "Nearly 70 percent of the earth is covered by water.",
    "My house number is 1250.",
    "The recipe needs 250 grams of flour and 3 eggs.",
    "It weighs 2.5 kilograms.",
    "Apollo 11 landed on the moon in 1969.",
    "The score was 3 to 1 after 90 minutes.",
    "He finished in 17th place.",
    "Chapter 12 begins on page 208.",
    "Take 2 tablets every 6 hours.",
    # Money.
    "That will be $42.50, please.",
    "The ticket costs $15 for adults and $7 for children.",
    "They paid $3 million for the painting.",
    "A coffee is $4.25 at the airport.",
    "You have $120 left on your card.",
    "The fine is $60 if you pay within 14 days.",
    "It was reduced from $99 to $49.",
    "Breakfast is included and costs $12 otherwise.",
    "The rent went up by $200 a month.",
    "He found $5 in his old coat.",
    # Names.
    "Dr. Smith will see you now.",
    "Mr. and Mrs. Johnson moved to Chicago last spring.",
    "Albert Einstein was born in Germany.",
    "We flew from London to San Francisco.",
    "Shakespeare wrote Romeo and Juliet.",
    "The river Thames flows through Oxford.",
    "Maria and Peter live in Barcelona.",
    "Have you ever been to New Zealand?",
    "Microsoft and Apple are American companies.",
    "Jupiter is the largest planet, and Saturn has rings.",
    # Times and dates.
    "The meeting starts at 8:15 in the morning.",
    "Her birthday is on March 3rd.",
    "The shop opens at 9:30 and closes at 6:00 PM.",
    "The war ended in 1945.",
    "Let us meet on Friday at 7:45 PM.",
    "The last bus leaves at 11:20 at night.",
    "We moved here on July 4th, 2019.",
    "Wake me up at 6:30 AM tomorrow.",
    "The concert is on Saturday, December 21st.",
    "It takes about 45 minutes from here.",
)
VOICES = {"hibari": "en-us-heart", "eSpeak NG": "en-us"}
EAR_RATE = 16_000
SHORTEST = 10 * EAR_RATE
"""Whisper does as well with a window of 10 s as with the 30 s it was trained on, if a second of silence ends it."""

Samples = NDArray[np.float32]


class Ear:
    """Whisper, as plainly as it can be asked: one window, no times."""

    def __init__(self, folder: Path) -> None:
        self._model = ctranslate2.models.Whisper(str(folder), compute_type="int8", inter_threads=1, intra_threads=1)
        self._tokens: list[str] = (folder / "vocabulary.txt").read_text().split("\n")
        self._bands = mel_filters(int(json.loads((folder / "config.json").read_text()).get("num_mel_bins", 80)))
        self._bytes = {chr(code): byte for byte, code in gpt2_bytes().items()}

    def hear(self, samples: Samples, language: str = "en") -> str:
        """What is said in up to 29 s of speech at 16 kHz."""
        padded = np.zeros(max(SHORTEST, len(samples) + EAR_RATE), np.float32)
        padded[: len(samples)] = samples
        features = ctranslate2.StorageView.from_array(self._log_mel(padded)[None])
        prompt = [
            self._tokens.index(f"<|{name}|>") for name in ("startoftranscript", language, "transcribe", "notimestamps")
        ]
        (result,) = self._model.generate(features, [prompt], beam_size=1)
        text = "".join(
            self._tokens[token] for token in result.sequences_ids[0] if not self._tokens[token].startswith("<|")
        )
        return bytes(self._bytes[character] for character in text).decode(errors="replace")

    def _log_mel(self, samples: Samples) -> Samples:
        frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, 200, mode="reflect"), 400)[::160][:-1]
        power = np.abs(np.fft.rfft(frames * np.hanning(401)[:-1], axis=1)) ** 2
        levels = np.log10(np.maximum(self._bands @ power.T, 1e-10))
        return np.ascontiguousarray((np.maximum(levels, levels.max() - 8) + 4) / 4, np.float32)


def mel_filters(count: int) -> NDArray[np.float64]:
    """Slaney's filters for spectra of 400 samples at 16 kHz."""
    top = 15 + np.log(8) / (np.log(6.4) / 27)
    mels = np.linspace(0, top, count + 2)
    hertz = np.where(mels < 15, mels * 200 / 3, 1_000 * np.exp((mels - 15) * np.log(6.4) / 27))
    lower, middle, upper = hertz[:-2, None], hertz[1:-1, None], hertz[2:, None]
    bins = np.fft.rfftfreq(400, 1 / EAR_RATE)[None]
    slopes = np.minimum((bins - lower) / (middle - lower), (upper - bins) / (upper - middle))
    return np.asarray(np.maximum(0, slopes) * 2 / (upper - lower), np.float64)


def gpt2_bytes() -> dict[int, int]:
    """The printable code point that stands for each byte in the vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return {byte: byte for byte in printable} | {byte: 256 + index for index, byte in enumerate(others)}


UNITS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
)
UNITS += "eighteen nineteen"
NUMBERS = {word: value for value, word in enumerate(UNITS.split())}
TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
ALIKE = {"dr": "doctor", "mr": "mister", "mrs": "missus", "%": "percent", "colour": "color", "kilometres": "kilometers"}
ALIKE |= {"metres": "meters", "kilogrammes": "kilograms", "kg": "kilograms", "km": "kilometers", "okay": "ok"}
ALIKE |= {"third": "3rd", "fourth": "4th"}


def words_of(text: str) -> list[str]:
    """The words of a text in one way of writing them: lower case, numbers in digits."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text.lower().replace("-", " ").replace("’", "'"))
    text = re.sub(r"\b([ap])\.m\b\.?", r"\1m", text)
    text = re.sub(r"(\d+) dollars? and (\d+) cents?", r"$\1.\2", text)
    text = re.sub(r"(\d+(?:\.\d+)?)( million)? dollars?", r"$\1\2", text)
    text = re.sub(r"(\d)([ap]m)\b", r"\1 \2", text).replace("%", " percent").replace(":00", "")
    found: list[str] = []
    for word in re.findall(r"[$]?\d+(?:[.:]\d+)?(?:st|nd|rd|th)?|[a-z']+", text):
        value = NUMBERS.get(word, TENS.get(word))
        if value is None:
            found.append(ALIKE.get(word, word))
        elif value < 10 and found and found[-1] in {str(ten) for ten in TENS.values()}:
            found[-1] = str(int(found[-1]) + value)
        else:
            found.append(str(value))
    return found


def distance(expected: list[str], heard: list[str]) -> int:
    """How many words are missing, wrong or too many."""
    row = list(range(len(heard) + 1))
    for count, word in enumerate(expected, start=1):
        diagonal, row[0] = row[0], count
        for index, other in enumerate(heard, start=1):
            diagonal, row[index] = row[index], min(row[index] + 1, row[index - 1] + 1, diagonal + (word != other))
    return row[-1]


def telephone(samples: Samples) -> Samples:
    """What G.711 leaves of speech at 24 kHz, at 16 kHz."""
    narrow = np.clip(soxr.resample(samples, SAMPLE_RATE, 8_000) * 32_768, -32_768, 32_767).astype(np.int16)
    decoded = MU_LAW.decode(MU_LAW.encode(narrow)).astype(np.float32) / 32_768
    return np.asarray(soxr.resample(decoded, 8_000, EAR_RATE), np.float32)


def wide(samples: Samples) -> Samples:
    """Speech at 24 kHz, at 16 kHz."""
    return np.asarray(soxr.resample(samples, SAMPLE_RATE, EAR_RATE), np.float32)


Speaker: TypeAlias = Callable[[str, str], Awaitable[bytes]]
"""Speaks a text with a voice: 16-bit PCM at 24 kHz."""


@asynccontextmanager
async def speaker(mesh: str | None) -> AsyncIterator[Speaker]:
    """What speaks: a mesh, or the engine."""
    if mesh is not None:
        async with grpc.aio.insecure_channel(mesh) as channel:
            stub = TextToSpeechServiceStub(channel)

            async def over_grpc(voice: str, text: str) -> bytes:
                requests = (
                    pb.SynthesizeRequest(config=pb.SynthesizeConfig(voice=voice)),
                    pb.SynthesizeRequest(text=pb.SynthesizeText(text=text)),
                    pb.SynthesizeRequest(finish=pb.SynthesizeFinish()),
                )
                return b"".join([each.audio.audio async for each in stub.Synthesize(iter(requests))])

            yield over_grpc
        return
    async with local_engine(LocalSettings()) as engine:

        async def by_engine(voice: str, text: str) -> bytes:
            async with engine.open(voice) as utterance:
                await utterance.speak(text)
                await utterance.finish()
                return b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])

        yield by_engine


def as_samples(pcm: bytes) -> Samples:
    """A sentence, between -1 and 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768


def loudness(samples: Samples) -> float:
    """The level of what can be heard, in dBFS."""
    levels = np.sqrt(np.mean(samples[: len(samples) // 240 * 240].reshape(-1, 240) ** 2, axis=1))
    return float(20 * np.log10(np.sqrt(np.mean(levels[levels > 0.01] ** 2))))


async def measure(ear: Ear, mesh: str | None, *, show: bool) -> None:
    """Print a line for each voice."""
    async with speaker(mesh) as speak:
        total = sum(len(words_of(sentence)) for sentence in SENTENCES)
        print(f"{len(SENTENCES)} sentences, {total} words")
        for name, voice in VOICES.items():
            begun = time.process_time()
            speeches = [as_samples(await speak(voice, sentence)) for sentence in SENTENCES]
            cpu = (time.process_time() - begun) / sum(len(speech) / SAMPLE_RATE for speech in speeches)
            right: dict[str, Any] = {}
            for line, heard_over in (("24 kHz", wide), ("telephone", telephone)):
                wrong = 0
                for sentence, speech in zip(SENTENCES, speeches, strict=True):
                    heard = ear.hear(heard_over(speech))
                    missed = distance(words_of(sentence), words_of(heard))
                    wrong += missed
                    if show and missed:
                        print(f"  {name}, {line}: {sentence!r} was heard as {heard.strip()!r} ({missed})")
                print(f"  {name}, {line}: {wrong} of {total} words wrong", flush=True)
                right[line] = f"{100 * (1 - wrong / total):.1f} %"
            peak = max(float(np.abs(speech).max()) for speech in speeches)
            level = float(np.mean([loudness(speech) for speech in speeches]))
            cost = "" if mesh else f", {cpu:.3f} s of CPU per s of speech"
            print(f"{name}: words right {right}, {level:.1f} dBFS, peak {peak:.2f}{cost}")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="the folder of Whisper base")
    parser.add_argument("--show", action="store_true", help="print what was misheard")
    parser.add_argument("--mesh", metavar="ADDRESS", help="the synthesis proxy of a running mesh")
    wanted = parser.parse_args()
    asyncio.run(measure(Ear(wanted.model), wanted.mesh, show=wanted.show))


if __name__ == "__main__":
    main()
