"""The language model fails, and the conversation goes on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from orchestrator.conversation import Policy
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import Script, written
from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.house import House, open_house

APOLOGY = Policy().apology


async def apologises(caller: Caller, message: str) -> None:
    """The reply is given up, and another says sorry without asking the model."""
    warning = await caller.until("warning")
    assert (warning.reason, warning.message) == ("LLM_FAILED", f"I could not finish my thought: {message}.")
    cancelled = await caller.until("reply_cancelled")
    assert (cancelled.reply_id, cancelled.cause) == ("reply_1", pb.CANCEL_CAUSE_FAILED)
    finished = await caller.until("reply_finished")
    assert (finished.reply_id, finished.text) == ("reply_2", APOLOGY)


async def conversation_goes_on(house: House, caller: Caller) -> None:
    house.llm.status = 200
    house.llm.script = written("Fine.")
    await caller.say("Are you well?")
    assert (await caller.until("reply_finished")).text == "Fine."
    await house.until_empty()


async def test_a_model_that_refuses_is_apologised_for(house: House) -> None:
    house.llm.status = 500
    async with house.calling(TYPED) as caller:
        house.llm.models_answer = None
        await caller.say("Hi!")
        await apologises(caller, "the language model answered with HTTP 500")
        await conversation_goes_on(house, caller)
        assert "private" not in str(caller.events)
    assert await house.llm.messages(-1) == [
        ("user", "Hi!"),
        ("assistant", APOLOGY),
        ("user", "Are you well?"),
    ]


async def test_a_model_that_takes_too_long_is_apologised_for() -> None:
    async def silent(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        await asyncio.Event().wait()
        yield ""

    async with open_house(llm_first_token_s=0.2) as house, house.calling(TYPED) as caller:
        house.llm.script = silent
        await caller.say("Hi!")
        await apologises(caller, "the language model took too long")
        await conversation_goes_on(house, caller)


async def test_a_server_of_several_models_needs_a_choice(house: House) -> None:
    house.llm.models = ["one", "other"]
    async with house.calling(TYPED) as caller:
        await caller.say("Hi!")
        await apologises(
            caller, "the server lists 2 language models (one, other): name one of them in KYUTAI_LLM_MODEL"
        )
        assert house.llm.requests == []


def breaks_off(*tokens: str) -> Script:
    async def script(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        for token in tokens:
            yield token
        raise ConnectionResetError

    return script


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
async def test_a_sentence_that_breaks_off_is_ended(house: House, tokens: tuple[str, ...], said: str) -> None:
    """What was written before is still said."""
    house.llm.script = breaks_off(*tokens)
    async with house.calling(TYPED) as caller:
        await caller.say("Hi!")
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == ("reply_1", said)
        assert [each.reason for each in caller.told("warning")] == ["LLM_FAILED"]
        assert not caller.told("reply_cancelled")
        await conversation_goes_on(house, caller)


async def test_a_model_that_thinks_for_long_and_fails_is_apologised_for(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.llm.deadlines._EXCUSE_AFTER_S", 0.0)
    house.llm.script = breaks_off("<think>", "Hm.", " Well")
    async with house.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Let me think… Sorry, I have lost the thread."
        await conversation_goes_on(house, caller)


async def test_what_was_written_before_a_failure_is_the_reply(house: House) -> None:
    house.llm.script = breaks_off("Once upon ", "a ti")
    config = pb.ConverseConfig(session=pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT), typed_only=True)
    async with house.calling(config) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Once upon a"
        assert [each.reason for each in caller.told("warning")] == ["LLM_FAILED"]
        await conversation_goes_on(house, caller)


async def test_a_text_only_reply_is_apologised_for_in_text(house: House) -> None:
    house.llm.status = 400
    config = pb.ConverseConfig(session=pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT), typed_only=True)
    async with house.calling(config) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == APOLOGY
    assert house.tts.asked_voices == []
