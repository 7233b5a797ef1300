"""How often a turn ends while the person still speaks, and how long the answer waits: before and after the delays.

    python -m benchmarks.end_of_turn [--show]

Three groups of people: those who dictate digits with pauses of 0.6 s, those who stop for 0.7 s to 1.2 s after
an unfinished phrase, and those who say a whole sentence and stop. hibari speaks for them, at three paces.
The detector of the recognisers scores the pauses, and the core of the orchestrator decides, in simulated time.

The words are those of the text, so no recogniser's mistakes are in the figures. A word becomes certain 0.5 s after
its end, or with the answer to a flush, which takes 0.3 s.

For each policy: the share of people who were cut off, and the seconds from their last sound to the end of their turn.
"""

import argparse
import asyncio
import heapq
import itertools
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE as WORKING_RATE
from orchestrator.conversation import Conversation, Policy
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.session.options import delayed
from parley.conversation.v1.conversation_pb2 import EAGERNESS_AUTO, EAGERNESS_HIGH, EAGERNESS_LOW, SessionConfig
from stt_proxy.recognition import CHUNK, FRAME, SAMPLE_RATE
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.pauses import PauseScore
from tts_proxy.engine import Audio, SynthesisEngine, Word
from tts_proxy.engines.local.engine import local_engine
from tts_proxy.engines.local.plugin import LocalSettings

PACES = (150, 175, 200)
"""Words a minute."""

AUDIBLE = 0.01
FLUSH_S = 0.3
CERTAIN_S = 0.5
ROOM_RMS = 1e-3
BEFORE_S, AFTER_S = 0.5, 4.0
"""Quiet before and after what is said."""

DICTATED_PAUSE_S = 0.6
HESITATIONS_S = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2)

DICTATED = (
    "five five five | zero one two | seven eight nine four",
    "four one five | two two six | nine zero three one",
    "My number is zero seven nine | three three four | one five eight",
    "one nine | eight four | two zero",
    "The code is six two | seven seven | one three",
    "eight zero zero | three five three | two one zero nine",
    "Card number four five three two | one one zero eight | six seven nine zero | two two three one",
    "nine one one four | six six two",
)
HESITANT = (
    "I would like to | book a table for two",
    "Can you tell me the | opening hours of the museum",
    "I was thinking about | going to the seaside",
    "We could go on Friday or | maybe on Sunday",
    "I need a ticket for | the evening train",
    "She called because | the car would not start",
    "Put it in the | blue box on the shelf",
    "I want to send a letter to | my sister in Canada",
    "It was a long day and | I am very tired",
    "My favourite colour is | probably dark green",
    "Last summer we went | to a lake in the mountains",
    "Please remind me | to water the plants tomorrow",
)
"""The last three read as finished before the pause: only a longer wait for everything helps these people."""

CRISP = (
    "What time is it in Tokyo?",
    "Please turn off the light.",
    "Tell me a story about a dragon.",
    "Where are you from?",
    "I think so.",
    "No, thank you.",
    "How far is the moon?",
    "Who are you talking to?",
    "My brother lives in Berlin.",
    "That was a good film.",
    "Set an alarm for seven thirty.",
    "Yes.",
)

Samples = NDArray[np.float32]


class SpokenWord(NamedTuple):
    """A word and where it lies, in seconds of the microphone."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Recording:
    """What a microphone hears: the pause scores of its frames, its words, and when the last sound ends, in seconds."""

    scores: Sequence[float]
    words: Sequence[SpokenWord]
    ends: float


class Outcome(NamedTuple):
    """Whether a turn ended early, and how many seconds after the last sound the last turn ended."""

    cut_off: bool
    waited: float


async def phrase(engine: SynthesisEngine, text: str) -> tuple[Samples, list[Word]]:
    """A phrase without the quiet at both its ends."""
    async with engine.open("") as utterance:
        await utterance.speak(text)
        await utterance.finish()
        events = [event async for event in utterance]
    pcm = b"".join(event.pcm for event in events if isinstance(event, Audio))
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
    heard = np.flatnonzero(np.abs(samples) > AUDIBLE)
    first, last = int(heard[0]), int(heard[-1]) + 1
    words = [
        Word(event.text, max(0.0, event.start_s - first / WORKING_RATE), event.stop_s - first / WORKING_RATE)
        for event in events
        if isinstance(event, Word)
    ]
    return samples[first:last], words


async def recorded(engine: SynthesisEngine, text: str, pauses_s: Iterator[float]) -> Recording:
    """A text as a person speaks it, with a pause at every bar."""
    room = np.random.default_rng(7)
    parts: list[Samples] = [np.zeros(round(BEFORE_S * WORKING_RATE), np.float32)]
    words: list[SpokenWord] = []
    for index, each in enumerate(text.split(" | ")):
        if index:
            parts.append(np.zeros(round(next(pauses_s) * WORKING_RATE), np.float32))
        begins = sum(map(len, parts)) / WORKING_RATE
        samples, spoken = await phrase(engine, each)
        parts.append(samples)
        words += [SpokenWord(word.text, begins + word.start_s, begins + word.stop_s) for word in spoken]
    ends = sum(map(len, parts)) / WORKING_RATE
    parts.append(np.zeros(round(AFTER_S * WORKING_RATE), np.float32))
    heard = np.concatenate(parts)
    heard += room.normal(0, ROOM_RMS, len(heard)).astype(np.float32)
    resampled = np.asarray(soxr.resample(heard, WORKING_RATE, SAMPLE_RATE), np.float32)
    return Recording(list(pause_scores(resampled)), [replaced(word, ends) for word in words], ends)


def replaced(word: SpokenWord, limit: float) -> SpokenWord:
    """The word as a recogniser writes it after any pause, and not longer than what is heard."""
    return SpokenWord(word.text.rstrip(".,"), word.start, min(word.end, limit))


def pause_scores(samples: Samples) -> Iterator[float]:
    """The score of each frame, as recognisers give it."""
    detector, score = SpeechDetector(), PauseScore()
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        for probability in detector.feed(samples[at : at + FRAME]):
            score.feed(probability, CHUNK / SAMPLE_RATE)
        yield score.probability


class Simulation:
    """One recording, one conversation, and the time in it."""

    def __init__(self, recording: Recording, policy: Policy) -> None:
        self._recording = recording
        self._core = Conversation()
        self._order = itertools.count()
        self._due: list[tuple[float, int, ev.Event]] = []
        self._unheard = list(recording.words)
        self._ended: list[float] = []
        self._perform(self._core.handle(ev.SessionConfigured(policy=policy, instructions="Be brief."), 0.0), 0.0)

    def run(self) -> Outcome:
        """Hear all of it."""
        length_s = FRAME / SAMPLE_RATE
        for number, score in enumerate(self._recording.scores, start=1):
            now = number * length_s
            self._plan(now, ev.MicrophoneAudioArrived(round(length_s * WORKING_RATE)))
            self._plan(now, ev.PauseScored(score, now))
        for word in self._recording.words:
            self._plan(word.end + CERTAIN_S, ev.WordRecognized(*word))
        while self._due:
            now, _, event = heapq.heappop(self._due)
            while (deadline := self._core.deadline) is not None and deadline <= now:
                self._perform(self._core.handle_timeout(deadline), deadline)
            self._happen(event, now)
        ends = self._recording.ends
        if not self._ended or self._ended[-1] < ends:
            raise RuntimeError("the turn never ended")
        return Outcome(self._ended[0] < ends, self._ended[-1] - ends)

    def _happen(self, event: ev.Event, now: float) -> None:
        if isinstance(event, ev.WordRecognized):
            word = SpokenWord(event.text, event.start, event.end)
            if word not in self._unheard:
                return  # It came with a flush.
            self._unheard.remove(word)
        elif isinstance(event, ev.Flushed):
            asked_at = now - FLUSH_S
            for word in [each for each in self._unheard if each.end <= asked_at]:
                self._happen(ev.WordRecognized(*word), now)
        self._perform(self._core.handle(event, now), now)

    def _perform(self, actions: Sequence[act.Action], now: float) -> None:
        for action in actions:
            if isinstance(action, act.RequestFlush):
                self._plan(now + FLUSH_S, ev.Flushed(action.flush_id))
            elif isinstance(action, act.TurnEndedNotice):
                self._ended.append(now)

    def _plan(self, at: float, event: ev.Event) -> None:
        heapq.heappush(self._due, (at, next(self._order), event))


def policies() -> dict[str, Policy]:
    """What is compared."""
    plain = Policy(language="en")
    before = replace(plain, unfinished_delay=0.0, dictation_delay=0.0)
    asked = {"high": EAGERNESS_HIGH, "auto": EAGERNESS_AUTO, "low": EAGERNESS_LOW}
    return {"no delay": before} | {
        name: delayed(plain, SessionConfig(eagerness=eagerness)) for name, eagerness in asked.items()
    }


async def main(*, show: bool) -> None:
    """Print the table."""
    groups = {
        "dictate digits": (DICTATED, itertools.repeat(DICTATED_PAUSE_S)),
        "hesitate": (HESITANT, itertools.cycle(HESITATIONS_S)),
        "end crisply": (CRISP, itertools.repeat(0.0)),
    }
    spoken: dict[str, list[tuple[str, Recording]]] = {group: [] for group in groups}
    for pace in PACES:
        async with local_engine(LocalSettings(rate=pace)) as engine:
            for group, (texts, pauses_s) in groups.items():
                spoken[group] += [(text, await recorded(engine, text, pauses_s)) for text in texts]
    print(f"{'':16}{'people':>7}  {'policy':10}{'cut off':>8}{'median s':>10}{'p95 s':>7}")
    for group, recordings in spoken.items():
        for name, policy in policies().items():
            outcomes = [Simulation(recording, policy).run() for _, recording in recordings]
            cut_off = statistics.mean(outcome.cut_off for outcome in outcomes)
            waited = sorted(outcome.waited for outcome in outcomes)
            figures = f"{cut_off:8.0%}{statistics.median(waited):10.2f}{waited[int(0.95 * (len(waited) - 1))]:7.2f}"
            print(f"{group:16}{len(outcomes):7}  {name:10}{figures}")
            for (text, _), outcome in zip(recordings, outcomes, strict=True):
                if show and outcome.cut_off:
                    print(f"    {text}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--show", action="store_true", help="print who was cut off")
    asyncio.run(main(show=parser.parse_args().show))
