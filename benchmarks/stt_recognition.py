"""How well and how fast the embedded recogniser hears an eSpeak voice, and whether every slot can be talked to at once.

    python benchmarks/stt_recognition.py [--slots 4] [--rounds 2]

Alone: words right and wrong, processor time, the slowest frames, and how soon the pause score tells of speech and of
its end. Together: all slots hear different sentences in real time; what they fell behind, and what each worker takes.
The voice is synthetic and every run's differs a little: trust ratios, and words to a few in a hundred.
"""

import argparse
import asyncio
import os
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_RATE
from mesh.tasks import beside
from stt_proxy.engine import Event, Pause, Recognizer, Word
from stt_proxy.engines.pocketsphinx.engine import pocketsphinx_engine
from stt_proxy.engines.pocketsphinx.models import Decoder
from stt_proxy.engines.pocketsphinx.transcription import Transcription
from stt_proxy.recognition.detector import SpeechDetector
from tts_proxy.engines.espeak.library import Prosody, library

SPEECH_RMS, ROOM_RMS = 0.025, 1e-3
SPEAKING_BELOW, PAUSING_ABOVE = 0.4, 0.6
BEFORE_S, AFTER_S = 1.0, 1.2

SENTENCES = (
    "hello there how are you today",
    "what is the weather like in london tomorrow",
    "please tell me a story about a little boy and his dog",
    "i would like to know what time it is",
    "can you help me find a good place to eat",
    "my brother works in a big hospital near the river",
    "we went to the market to buy some fresh bread",
    "the train leaves the station at seven in the morning",
    "she has been learning to play the piano for three years",
    "there is nothing better than a cup of tea after work",
    "do you think it will rain this afternoon",
    "i am looking for a new job in the city",
    "thank you very much and have a nice day",
    "they closed the road because of the heavy snow",
    "he read the book from the beginning to the end",
    "good morning everyone and welcome to the show",
)

Samples = NDArray[np.float64]


def say(text: str) -> Samples:
    """The text, spoken."""
    recording = library().speak(text, Prosody("gmw/en-US", rate=200), lambda: False)
    speech = np.asarray(soxr.resample(recording.samples.astype(np.float64), library().sample_rate, SAMPLE_RATE))
    quiet: Samples = speech * (SPEECH_RMS / np.sqrt(np.mean(speech**2)))
    return quiet


def scene(speech: Samples, seed: int) -> list[bytes]:
    """The speech in a quiet room, as frames."""
    around = np.random.default_rng(seed).normal(0, ROOM_RMS, round((BEFORE_S + AFTER_S) * SAMPLE_RATE) + len(speech))
    begin = round(BEFORE_S * SAMPLE_RATE)
    around[begin : begin + len(speech)] += speech
    pcm = (np.clip(around, -1, 1) * 32_767).astype("<i2").tobytes()
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def wrong(said: list[str], heard: list[str]) -> int:
    """How many words have to be changed, added and removed to make one of the other."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, start=1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
    return row[-1]


def delays(speech: Samples, pauses: list[Pause]) -> tuple[float, float]:
    """Seconds from the first and from the last sound until the score tells."""
    loud = np.nonzero(np.abs(speech) > SPEECH_RMS / 4)[0] / SAMPLE_RATE + BEFORE_S
    begun = next(p.heard_s for p in pauses if p.heard_s > loud[0] and p.probability < SPEAKING_BELOW)
    ended = next(p.heard_s for p in pauses if p.heard_s > loud[-1] and p.probability > PAUSING_ABOVE)
    return begun - loud[0], ended - loud[-1]


def alone() -> None:
    """One stream, as fast as it goes; a new one every four sentences, as people say a few and leave."""
    detector, decoder = SpeechDetector(), Decoder()
    said, errors, onsets, ends, lags = 0, 0, [], [], []
    took: list[float] = []
    for number, text in enumerate(SENTENCES):
        if number % 4 == 0:
            transcription, before_s = Transcription(detector, decoder), 0.0
        speech = say(text)
        events: list[Event] = []
        now_s = 0.0
        frames = scene(speech, number)
        for frame in frames:
            began = time.thread_time()
            news = list(transcription.feed(frame))
            took.append(time.thread_time() - began)
            now_s += FRAME_S
            events += news
            lags += [before_s + now_s - event.end_s for event in news if isinstance(event, Word)]
        heard = [event.text for event in events if isinstance(event, Word)]
        onset, end = delays(
            speech, [Pause(e.probability, e.heard_s - before_s) for e in events if isinstance(e, Pause)]
        )
        before_s += len(frames) * FRAME_S
        onsets.append(onset)
        ends.append(end)
        said += len(text.split())
        errors += wrong(text.split(), heard)
        print(f"  {text}\n    {' '.join(heard)}")
    worst = np.percentile(np.array(took) * 1000, [50, 99, 100])
    print(f"{said} words, {errors / said:.0%} wrong (changed, added or left out)")
    print(f"{sum(took) / (len(took) * FRAME_S):.2f} s of processor time for a second of audio, pauses included")
    print(
        "a frame of 80 ms takes {:.0f} ms at the median, {:.0f} at the 99th percentile, {:.0f} at worst".format(*worst)
    )
    print(f"speech is noticed after {np.median(onsets):.2f} s, at worst {max(onsets):.2f}")
    print(f"its end after {np.median(ends):.2f} s, {min(ends):.2f} to {max(ends):.2f}")
    print(f"a word comes {np.median(lags):.2f} s after its end, at worst {max(lags):.2f}")


async def together(slots: int, rounds: int) -> None:
    """Every slot is talked to at once, in real time."""
    speeches = [
        [frame for text in random.Random(seed).sample(SENTENCES, 4 * rounds) for frame in scene(say(text), seed)]  # noqa: S311
        for seed in range(slots)
    ]
    began = time.monotonic()
    async with pocketsphinx_engine(slots) as engine:
        print(f"\n{slots} workers were warm after {time.monotonic() - began:.1f} s")
        workers = list(worker_pids())
        cpu = sum(map(cpu_s, workers))
        began = time.monotonic()

        async def stream(frames: list[bytes]) -> list[float]:
            async with engine.open("") as recognizer:
                return await talk(recognizer, frames)

        backlogs = np.concatenate(await asyncio.gather(*map(stream, speeches)))
        lasted = time.monotonic() - began
        spent = (sum(map(cpu_s, workers)) - cpu) / lasted / slots
        memory = [unshared_mb(pid) for pid in workers]
    median, high, worst = np.percentile(backlogs, [50, 99, 100])
    print(f"behind when a frame is sent: {median:.2f} s (median), {high:.2f} (99th percentile), {worst:.2f} (at worst)")
    print(f"a worker takes {spent:.2f} of a core and {max(memory):.0f} MB (load average {os.getloadavg()[0]:.1f})")


async def talk(recognizer: Recognizer, frames: list[bytes]) -> list[float]:
    """Send the frames in real time; the backlog as each is sent, its own 80 ms included."""
    backlogs = []

    async def speak() -> None:
        began = time.monotonic()
        for number, frame in enumerate(frames, start=1):
            await asyncio.sleep(max(0.0, began + number * FRAME_S - time.monotonic()))
            await recognizer.send(frame)
            backlogs.append(recognizer.backlog_s)
        await recognizer.finish()

    async with beside(speak()):
        async for _ in recognizer:
            pass
    return backlogs


def worker_pids() -> Iterator[int]:
    """The processes of the engine."""
    for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        yield int(pid)


def cpu_s(pid: int) -> float:
    """The processor time a process has had."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def unshared_mb(pid: int) -> float:
    """The memory that only this process has."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) for kb in re.findall(r"^Private_\w+:\s+(\d+) kB", rollup, re.MULTILINE)) / 1024


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slots", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--rounds", type=int, default=2, choices=range(1, 5), help="of four sentences for each slot")
    wanted = parser.parse_args()
    alone()
    asyncio.run(together(wanted.slots, wanted.rounds))


if __name__ == "__main__":
    main()
