"""How many conversations a machine holds with every engine on it: from the end of speech to the first audio.

    python -m benchmarks.embedded_mesh [--model base] [--callers 1 2 4] [--questions 6]

A mesh of real processes with the default pair, Whisper and hibari, and with the responder that is built in. Callers
with hibari's voice ask questions in real time, wait for the answer's end, and ask the next. For each number of callers
at once: the seconds from the last sound of a question to its words, all of them, and to the answer's first audio. Then,
for one caller, from the last sound to all words of 1, 3 and 8 s of speech.

Callers and mesh share the machine. What else runs on it counts too: the load is printed, and how much of the
processors' time was spent altogether. `--callers` above what Whisper keeps up with are admitted here, to see.
"""

import argparse
import asyncio
import os
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mesh.audio import SAMPLE_RATE
from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.mesh import Mesh, running_mesh
from tests.e2e.people import Bridge, bridge
from tests.natural_speech import say_naturally
from tests.speech import Samples, share_of_words

QUESTIONS = (
    "Could you tell me what the weather is like in Chicago?",
    "What is a good name for a cat that is always hungry?",
    "How long does it take to boil an egg?",
    "Why do leaves change their colour in the autumn?",
    "Where should I go if I want to see the mountains?",
    "Can you help me to plan a small party for my sister?",
)
LENGTHS = {
    1: "What time is it?",
    3: "Could you tell me what the weather is like in Chicago tomorrow?",
    8: (
        "I have a small garden behind the house, and every spring I plant tomatoes and beans there, but last year the "
        "rain never came, so what would you plant instead?"
    ),
}
LIMIT_S = 60.0
TARGET_S = 1.5


class Answered(NamedTuple):
    """One question: seconds from its last sound, and the share of its words that were heard."""

    words_s: float
    audio_s: float
    share: float


async def ask(person: Bridge, text: str, speech: Samples) -> Answered:
    """Ask, and hear the answer to its end."""
    before = len(person.heard.entries)
    begins = person.microphone.say(speech)
    ended = person.microphone.uttered_at(begins + len(speech))
    audio = await person.first("reply_audio", after=before, within=LIMIT_S)
    await person.first("reply_finished", after=audio, within=LIMIT_S)
    turns = [at for at, event in person.heard.entries[before:] if event.HasField("user_turn_ended")]
    said = " ".join(
        event.user_turn_ended.text for _, event in person.heard.entries[before:] if event.HasField("user_turn_ended")
    )
    # A turn that was answered too soon and taken up again counts by its last answer.
    first = next(at for at, event in person.heard.entries[before:] if event.HasField("reply_audio") and at > turns[-1])
    return Answered(turns[-1] - ended, first - ended, share_of_words(text, said))


async def call(mesh: Mesh, questions: Sequence[tuple[str, Samples]], wait_s: float) -> list[Answered]:
    """One caller, who asks all of it."""
    await asyncio.sleep(wait_s)
    config = pb.ConverseConfig(session=pb.SessionConfig())
    async with bridge(mesh.orchestrator, config) as person:
        await person.first("started")
        answered = []
        for text, speech in questions:
            try:
                answered.append(await ask(person, text, speech))
            except (TimeoutError, StopIteration):
                print(f"  no answer to {text!r}", flush=True)
        return answered


def table(name: str, answers: Sequence[Answered]) -> None:
    """Print what came of some questions."""
    if not answers:
        print(f"{name}: nothing was answered")
        return
    words, audio, shares = (np.array(each) for each in zip(*answers, strict=True))
    slow = float(np.percentile(audio, 95))
    print(
        f"{name}: {len(answers)} answers; all words {np.median(words):.2f} s (p95 {np.percentile(words, 95):.2f}), "
        f"first audio {np.median(audio):.2f} s (p95 {slow:.2f}, {'within' if slow < TARGET_S else 'beyond'} "
        f"{TARGET_S} s) after the last sound; {shares.mean():.0%} of the words heard",
        flush=True,
    )


def busy() -> tuple[int, int]:
    """The processors' time so far, and what of it they were busy, in ticks."""
    times = [int(each) for each in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return sum(times), sum(times) - times[3] - times[4]


async def measure(mesh: Mesh, callers: Sequence[int], count: int) -> None:
    """Have conversations, more and more at once."""
    questions = list(zip(QUESTIONS, say_naturally(*QUESTIONS), strict=True))
    choice = random.Random(1)  # noqa: S311 - for the order of questions
    for number in callers:
        total, used = busy()
        asked = [[questions[(at + by) % len(questions)] for at in range(count)] for by in range(number)]
        calls = [call(mesh, each, choice.uniform(0, 2)) for each in asked]
        answers = [answer for each in await asyncio.gather(*calls) for answer in each]
        now, now_used = busy()
        table(f"{number} at once", answers)
        print(f"  processors busy {(now_used - used) / (now - total):.0%} of the time, load {os.getloadavg()[0]:.1f}")
    for (seconds, text), speech in zip(LENGTHS.items(), say_naturally(*LENGTHS.values()), strict=True):
        length_s = len(speech) / SAMPLE_RATE
        table(f"about {seconds} s of speech ({length_s:.1f})", await call(mesh, [(text, speech)] * 3, 0))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="base")
    parser.add_argument("--callers", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--questions", type=int, default=6)
    wanted = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before")
    engines = {"PARLEY_STT_ENGINE": "whisper", "PARLEY_STT_WHISPER_MODEL": wanted.model, "PARLEY_TTS_ENGINE": "local"}
    with running_mesh(
        **engines, PARLEY_STT_WHISPER_STREAMS=str(max(wanted.callers, default=1)), KYUTAI_LLM_URL=""
    ) as mesh:
        print(*[line.strip() for line in mesh.log if "recogniser measured" in line], sep="\n")
        asyncio.run(measure(mesh, wanted.callers, wanted.questions))


if __name__ == "__main__":
    main()
