"""How much of the wait for the last words a speculative start hides.

A person says a word and pauses. The recogniser takes 75 ms to answer the flush, the language model 100 ms to its first
word, the synthesis 150 ms to its first audio. Prints the time from the pause to the first audio with and without
`PARLEY_ORCHESTRATOR_SPECULATIVE_START`, and what the start saves as a share of the flush. On an idle machine that is at
least 0.9.

    python -m benchmarks.speculative_start
"""

import asyncio
import statistics
from collections.abc import AsyncGenerator, AsyncIterator

from parley.tts.v1.tts_pb2 import SynthesizeResponse
from tests.fakes.tts import Speaking
from tests.orchestrator.caller import SILENCE, SPEECH
from tests.orchestrator.harness import Harness, open_harness

ROUNDS, TURNS = 3, 15
FLUSH_S, FIRST_WORD_S, FIRST_AUDIO_S = 0.075, 0.1, 0.15


async def writing(_request: object) -> AsyncIterator[str | bytes]:
    """Write a sentence."""
    await asyncio.sleep(FIRST_WORD_S)
    for token in ("Well", ", hel", "lo there", "."):
        yield token


async def speaking(stream: Speaking) -> AsyncGenerator[SynthesizeResponse, None]:
    """Speak it."""
    async for word in stream.words():
        if not stream.audio:
            await asyncio.sleep(FIRST_AUDIO_S)
        yield stream.frames(2)
        yield stream.word(word, 2)
    yield stream.finished()


async def turn(harness: Harness) -> float:
    """Hold one conversation of one turn; return the seconds from the pause to the first audio."""
    clock = asyncio.get_running_loop().time
    async with harness.calling() as caller:
        await caller.play(SPEECH, SPEECH)
        hearing = harness.stt.hearings[-1]
        await hearing.until(lambda: len(hearing.audio) >= 2 * len(SPEECH))
        hearing.word("Hello.")
        await caller.until("user_word_recognized")
        await caller.play(SILENCE)
        await caller.until("user_speech_stopped")
        paused_at = clock()
        await hearing.until(lambda: bool(hearing.flushes))
        await asyncio.sleep(FLUSH_S)
        hearing.answer(hearing.flushes[-1])
        await caller.until("reply_audio")
        return clock() - paused_at


async def median(*, speculative: bool) -> float:
    """The median over all turns."""
    async with open_harness(speculative_start=speculative) as harness:
        harness.stt.answers_flushes = False
        harness.llm.script, harness.tts.script = writing, speaking
        return statistics.median([await turn(harness) for _ in range(TURNS)])


async def main() -> None:
    """Measure, and print a line for each round."""
    for _ in range(ROUNDS):
        plain, early = await median(speculative=False), await median(speculative=True)
        share = (plain - early) / FLUSH_S
        print(f"plain {plain * 1e3:.0f} ms, speculative {early * 1e3:.0f} ms: saves {share:.2f} of the flush")


if __name__ == "__main__":
    asyncio.run(main())
