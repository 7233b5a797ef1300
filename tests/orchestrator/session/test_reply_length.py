"""Replies that are too long, go round in circles, or come all at once."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from mesh.audio import FRAME_BYTES, FRAME_S
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import Script, written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.harness import Harness, open_harness

TEXT_ONLY = pb.ConverseConfig(session=pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT), typed_only=True)


def endless(*tokens: str) -> Script:
    """Write these over and over, for ever, numbered where they say so."""

    async def script(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        for number in itertools.count():
            for token in tokens:
                yield token.format(number)
            await asyncio.sleep(0)

    return script


async def ended(harness: Harness, caller: Caller) -> tuple[str, str]:
    """What the reply said, and why it was ended, which is told once; the request is closed and the turn is over."""
    finished = await caller.until("reply_finished")
    await harness.llm.slots.until_open(0)
    (warning,) = (each for each in caller.received("warning") if each.reason == "REPLY_TOO_LONG")
    harness.llm.script = written("It ", "goes on.")
    await caller.say("And then?")
    assert (await caller.until("reply_finished")).text == "It goes on."
    return finished.text, warning.message


@pytest.mark.parametrize("config", [TYPED, TEXT_ONLY], ids=["spoken", "as text"])
async def test_a_model_that_does_not_end_is_ended_with_its_sentence(config: pb.ConverseConfig) -> None:
    async with open_harness(llm_reply_words=10) as harness, harness.calling(config) as caller:
        harness.llm.script = endless("Here is ", "number {}. ")
        await caller.say("Count!")
        text, why = await ended(harness, caller)
        assert text == "Here is number 0. Here is number 1. Here is number 2."
        assert why == "I have ended this reply: it is longer than 10 words."


async def test_a_model_that_repeats_itself_is_ended() -> None:
    async with open_harness() as harness, harness.calling(TEXT_ONLY) as caller:
        harness.llm.script = endless("I am ", "so ", "sorry. ")
        await caller.say("Hi!")
        text, why = await ended(harness, caller)
        assert len(text.split()) <= 160
        assert why == "I have ended this reply: it says the same over and over."


async def test_a_reply_that_is_heard_for_too_long_is_ended_with_its_sentence() -> None:
    """However few words it has, and although all of them are with the synthesis already."""
    async with open_harness(llm_reply_s=1.0) as harness, harness.calling(TYPED) as caller:
        harness.llm.script = written("One ", "sentence. ", "Another ", "one. ", "And ", "more ", "and ", "more.")
        harness.tts.script = spoken(5)
        await caller.say("Hi!")
        text, why = await ended(harness, caller)
        assert text == "One sentence. Another one."
        assert why == "I have ended this reply: it takes longer than 1 s."
        seconds = len(caller.audio("reply_1")) / FRAME_BYTES * FRAME_S
        assert 1.6 <= seconds <= 1.6 + 0.2
        assert [sent for _, sent in await harness.llm.messages(1)][1] == text


async def test_a_reply_without_an_end_of_sentence_is_ended_soon_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.session.reply.SENTENCE_S", 0.5)
    async with open_harness(llm_reply_s=0.5) as harness, harness.calling(TYPED) as caller:
        harness.llm.script = endless("and {} ")
        harness.tts.script = spoken(2)
        await caller.say("Hi!")
        text, _ = await ended(harness, caller)
        assert text.startswith("and 0 and 1")
        assert len(caller.audio("reply_1")) / FRAME_BYTES * FRAME_S == pytest.approx(1.0)


async def test_a_reply_of_the_very_length_is_whole() -> None:
    async with open_harness(llm_reply_words=3) as harness, harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Well, hello there."
        assert caller.received("warning") == []


async def test_six_thousand_words_at_once_are_paced() -> None:
    """As many as are wanted reach a client that reads, and the session goes on."""
    async with open_harness(llm_reply_words=9_000) as harness, harness.calling(TEXT_ONLY) as caller:
        words = [f"word{n}" for n in range(6_000)]
        harness.llm.script = written(" ".join(words))
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text.split() == words
        harness.llm.script = written("It ", "goes on.")
        await caller.say("And then?")
        assert (await caller.until("reply_finished")).text == "It goes on."
