"""The language model fails, and the conversation goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.conversation import Policy
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import breaks_off, written
from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.harness import Harness, open_harness

APOLOGY = Policy().apology


async def apologises(caller: Caller, message: str) -> None:
    """The reply is given up, and another says sorry without asking the model."""
    warning = await caller.until("warning")
    assert (warning.reason, warning.message) == ("LLM_FAILED", f"I could not finish my thought: {message}.")
    cancelled = await caller.until("reply_cancelled")
    assert (cancelled.reply_id, cancelled.cause) == ("reply_1", pb.CANCEL_CAUSE_FAILED)
    finished = await caller.until("reply_finished")
    assert (finished.reply_id, finished.text) == ("reply_2", APOLOGY)


async def conversation_goes_on(harness: Harness, caller: Caller) -> None:
    harness.llm.status = 200
    harness.llm.script = written("Fine.")
    await caller.say("Are you well?")
    assert (await caller.until("reply_finished")).text == "Fine."
    await harness.until_empty()


async def test_a_model_that_refuses_is_apologised_for(harness: Harness) -> None:
    harness.llm.status = 500
    async with harness.calling(TYPED) as caller:
        harness.llm.models_answer = None
        await caller.say("Hi!")
        await apologises(caller, "the language model answered with HTTP 500")
        await conversation_goes_on(harness, caller)
        assert "private" not in str(caller.events)
    assert await harness.llm.messages(-1) == [
        ("user", "Hi!"),
        ("assistant", APOLOGY),
        ("user", "Are you well?"),
    ]


async def test_a_model_that_takes_too_long_is_apologised_for() -> None:
    async def silent(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        await asyncio.Event().wait()
        yield ""

    async with open_harness(llm_first_token_s=0.2) as harness, harness.calling(TYPED) as caller:
        harness.llm.script = silent
        await caller.say("Hi!")
        await apologises(caller, "the language model took too long")
        await conversation_goes_on(harness, caller)


class Slow:
    """A model that writes when it is told to."""

    def __init__(self, *tokens: str, fails: bool = False) -> None:
        self.may_write = asyncio.Event()
        self._tokens = tokens
        self._fails = fails

    async def __call__(self, _request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        await self.may_write.wait()
        for token in self._tokens:
            yield token
        if self._fails:
            raise ConnectionResetError


async def test_a_model_that_is_late_with_its_first_word_is_excused() -> None:
    """The excuse is part of the reply, and nothing that the model is asked to go on from."""
    async with open_harness(llm_slow_s=0.2) as harness, harness.calling(TYPED) as caller:
        slow = harness.llm.script = Slow("Fine", ".")
        await caller.say("Hi!")
        warning = await caller.until("warning")
        assert (warning.reason, warning.message) == (
            "LLM_SLOW",
            "I am waiting for my thoughts: the language model is slow.",
        )
        while (await caller.until("reply_word_spoken")).text != "please.":
            pass
        slow.may_write.set()
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == ("reply_1", "One moment, please. Fine.")
        # A voice that waits for further words before it speaks the last would keep most of the excuse to itself.
        assert [each.texts for each in harness.tts.speakings] == [["One", "moment,", "please."], ["Fine."]]
        assert [each.text for each in caller.received("reply_text_delta")] == ["One", " moment,", " please.", " Fine."]
        await conversation_goes_on(harness, caller)
    assert (await harness.llm.messages(-1))[1] == ("assistant", "One moment, please. Fine.")


async def test_a_model_that_is_excused_and_fails_is_asked_the_same_again() -> None:
    async with open_harness(llm_slow_s=0.2) as harness, harness.calling(TYPED) as caller:
        harness.llm.script = slow = Slow(fails=True)
        await caller.say("Hi!")
        await caller.until("warning")
        slow.may_write.set()
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == (
            "reply_1",
            "One moment, please. Sorry, I have lost the thread.",
        )
        assert [each.reason for each in caller.received("warning")] == ["LLM_SLOW", "LLM_FAILED"]
        for number in range(len(harness.llm.requests)):
            assert await harness.llm.messages(number) == [("user", "Hi!")]
        await conversation_goes_on(harness, caller)


async def test_a_model_that_stops_in_the_middle_is_told_of_and_not_spoken_of() -> None:
    async def stops(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        yield "Once "
        await may_go_on.wait()
        yield "upon a time."

    may_go_on = asyncio.Event()
    async with open_harness(llm_slow_s=0.2) as harness, harness.calling(TYPED) as caller:
        harness.llm.script = stops
        await caller.say("Hi!")
        assert (await caller.until("warning")).reason == "LLM_SLOW"
        may_go_on.set()
        assert (await caller.until("reply_finished")).text == "Once upon a time."


async def test_a_server_of_several_models_needs_a_choice(harness: Harness) -> None:
    harness.llm.models = ["one", "other"]
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await apologises(
            caller, "the server lists 2 language models (one, other): name one of them in KYUTAI_LLM_MODEL"
        )
        assert harness.llm.requests == []


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        (("Once upon ", "a ti"), "Once upon a Sorry, I have lost the thread."),
        (("Wait... ", "ti"), "Wait... Sorry, I have lost the thread."),
        (("It was good. ", "And a ti"), "It was good. And a Sorry, I have lost the thread."),
        (("It was good.", " ", "An"), "It was good."),
        (('"Really?" ', "An"), '"Really?"'),
    ],
)
async def test_a_sentence_that_breaks_off_is_ended(harness: Harness, tokens: tuple[str, ...], said: str) -> None:
    """What was written before is still said."""
    harness.llm.script = breaks_off(*tokens)
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == ("reply_1", said)
        assert [each.reason for each in caller.received("warning")] == ["LLM_FAILED"]
        assert not caller.received("reply_cancelled")
        await conversation_goes_on(harness, caller)


async def test_a_model_that_thinks_for_long_and_fails_is_apologised_for(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.llm.deadlines._ANNOUNCE_AFTER_S", 0.0)
    harness.llm.script = breaks_off("<think>", "Hm.", " Well")
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Let me think… Sorry, I have lost the thread."
        await conversation_goes_on(harness, caller)


async def test_what_was_written_before_a_failure_is_the_reply(harness: Harness) -> None:
    harness.llm.script = breaks_off("Once upon ", "a ti")
    config = pb.ConverseConfig(session=pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT), typed_only=True)
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Once upon a"
        assert [each.reason for each in caller.received("warning")] == ["LLM_FAILED"]
        await conversation_goes_on(harness, caller)


async def test_a_text_only_reply_is_apologised_for_in_text(harness: Harness) -> None:
    harness.llm.status = 400
    config = pb.ConverseConfig(session=pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT), typed_only=True)
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == APOLOGY
    assert harness.tts.asked_voices == []
