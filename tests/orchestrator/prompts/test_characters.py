"""Characters through a conversation: set at any time, rendered once, and the news without anybody waiting for them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response

from mesh.errors import InvalidRequest
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.newsapi import FakeNewsApi
from tests.orchestrator.caller import SILENCE, TYPED, Caller
from tests.orchestrator.house import House, open_house_with_news

KINDS = {
    "constant": "a warm, attentive companion",
    "smalltalk": "somebody to chat with",
    "guess_animal": "the keeper of a riddle",
    "quiz_show": "the host of a quiz show",
    "news": "Title: Title ",
    "unmute_explanation": "a guide who explains Parley",
}
"""Every kind, and what its prompt says."""


@pytest.fixture
def press() -> FakeNewsApi:
    return FakeNewsApi()


@pytest.fixture
async def house(press: FakeNewsApi) -> AsyncIterator[House]:
    async with open_house_with_news(press) as built:
        yield built


def told_to_be(kind: str, **fields: Any) -> pb.SessionConfig:
    return pb.SessionConfig(instructions=pb.Instructions(character=pb.Character(kind=kind, **fields)))


async def prompt_of(house: House, number: int) -> str:
    """The system prompt of the so-manieth request to the model."""
    role, text = (await house.llm.messages(number))[0]
    assert role == "system"
    return text


async def answered(caller: Caller) -> None:
    await caller.say("Hi!")
    await caller.until("reply_finished")


async def update_of(caller: Caller, session: pb.SessionConfig, request_id: str) -> pb.ConverseResponse:
    """Change the session, and return what the change is answered with."""
    await caller.update(session, request_id)
    while event := await caller.next():
        if event.request_id == request_id:
            return event
    raise AssertionError("the conversation has ended")


@pytest.mark.parametrize("language", [None, "en", "fr", "en/fr", "fr/en"])
async def test_every_kind_in_every_language(house: House, language: str | None) -> None:
    async with house.calling(TYPED) as caller:
        for number, (kind, says) in enumerate(KINDS.items()):
            wanted = told_to_be(kind, language=language)
            event = await update_of(caller, wanted, kind)
            assert event.session_updated.session.instructions == wanted.instructions
            await answered(caller)
            assert says in await prompt_of(house, number)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_conversation_can_open_with_every_kind(house: House, kind: str) -> None:
    config = pb.ConverseConfig(session=told_to_be(kind), typed_only=True)
    async with house.calling(config) as caller:
        if kind == "news":
            assert not caller.told("started")[0].session.HasField("instructions")
            updated = await caller.until("session_updated")
            assert updated.session.instructions == config.session.instructions
        else:
            assert caller.told("started")[0].session.instructions == config.session.instructions
        await answered(caller)
    assert KINDS[kind] in await prompt_of(house, 0)


async def test_news_that_are_known_already_are_there_from_the_start(house: House) -> None:
    config = pb.ConverseConfig(session=told_to_be("news"), typed_only=True)
    async with house.calling(config) as first:
        await first.until("session_updated")
    async with house.calling(config) as second:
        assert second.told("started")[0].session.instructions == config.session.instructions


async def test_a_prompt_is_rendered_once_and_anew_when_it_is_set_again(house: House) -> None:
    async with house.calling(TYPED) as caller:
        await update_of(caller, told_to_be("quiz_show"), "first")
        await answered(caller)
        await update_of(caller, pb.SessionConfig(voice="anna"), "voice")
        await answered(caller)
        await update_of(caller, told_to_be("quiz_show"), "again")
        await answered(caller)
    first, second, third = [await prompt_of(house, number) for number in range(3)]
    assert first == second
    assert first != third


@pytest.mark.parametrize(
    ("session", "message"),
    [
        (
            told_to_be("pirate"),
            f"no character 'pirate': expected one of {', '.join(KINDS)}",
        ),
        (told_to_be("news", language="de"), "no language 'de': expected one of en, fr, en/fr, fr/en"),
        (told_to_be("news", text="All of it."), "a news character takes no text: only a constant one does"),
    ],
)
async def test_what_does_not_exist_is_rejected_and_changes_nothing(
    house: House, press: FakeNewsApi, session: pb.SessionConfig, message: str
) -> None:
    async with house.calling(TYPED) as caller:
        await update_of(caller, told_to_be("smalltalk"), "good")
        event = await update_of(caller, session, "bad")
        assert event.request_rejected.message == message
        await answered(caller)
        assert "somebody to chat with" in await prompt_of(house, 0)
    async with house.dialled() as refused:
        await refused.send(pb.ConverseRequest(config=pb.ConverseConfig(session=session, typed_only=True)))
        failure = await refused.failure()
        assert isinstance(failure, InvalidRequest)
        assert failure.message == message
    assert press.requests == []


# --- the news, while somebody waits for them ----------------------------------------------------------------------


async def test_what_comes_after_a_wait_for_the_news_keeps_its_order(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling(TYPED) as caller:
        await caller.update(told_to_be("news"), "news")
        await caller.update(pb.SessionConfig(voice="anna"), "voice")
        await caller.update(told_to_be("pirate"), "pirate")
        await caller.say("What is new?", "text")
        await caller.finish("finish")
        await caller.hang_up()
        await press.until(lambda: len(press.requests) == 1)
        assert house.llm.requests == []
        press.open.set()
        await caller.to_end()
    ids = [event.request_id for event in caller.events if event.request_id]
    assert list(dict.fromkeys(ids)) == ["news", "voice", "pirate", "text"]
    assert caller.names()[1:4] == ["session_updated", "session_updated", "request_rejected"]
    assert caller.names()[-1] == "conversation_ended"
    assert "Title: Title " in await prompt_of(house, 0)
    assert house.tts.asked_voices == ["anna"]


async def test_the_last_of_several_characters_counts(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling(TYPED) as caller:
        await caller.update(told_to_be("news"), "news")
        await caller.update(told_to_be("guess_animal"), "animal")
        await press.until(lambda: len(press.requests) == 1)
        press.open.set()
        assert (await caller.until_event("session_updated")).request_id == "news"
        assert (await caller.until_event("session_updated")).request_id == "animal"
        await answered(caller)
    assert "the keeper of a riddle" in await prompt_of(house, 0)


@pytest.mark.unmute("B19")
async def test_nobody_is_kept_waiting_by_the_news_of_another(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling() as reader, house.calling(TYPED) as other:
        await reader.update(told_to_be("news"), "news")
        await press.until(lambda: len(press.requests) == 1)
        # The reader's own microphone is heard meanwhile, ...
        await reader.play(*[SILENCE] * 10)
        hearing = await house.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == 10 * len(SILENCE))
        # ... and the other is answered.
        await answered(other)
        press.open.set()
        await reader.until("session_updated")


@pytest.mark.unmute("B19")
async def test_a_reply_goes_on_while_the_news_are_fetched(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_created")
        await caller.update(told_to_be("news"), "news")
        await press.until(lambda: len(press.requests) == 1)
        await caller.until("reply_finished")
        assert "session_updated" not in caller.names()
        press.open.set()
        await caller.until("session_updated")


async def test_several_conversations_cause_one_fetch(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling(TYPED) as one, house.calling(TYPED) as two, house.calling(TYPED) as three:
        for caller in (one, two, three):
            await caller.update(told_to_be("news"), "news")
        await press.until(lambda: len(press.requests) >= 1)
        press.open.set()
        for caller in (one, two, three):
            await caller.until("session_updated")
        await update_of(one, told_to_be("news"), "again")
    assert len(press.requests) == 1


async def test_a_greeting_waits_for_the_news(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    session = told_to_be("news")
    session.greeting = True
    async with house.calling(pb.ConverseConfig(session=session)) as caller:
        await caller.play(SILENCE)
        await press.until(lambda: len(press.requests) == 1)
        press.open.set()
        await caller.until("reply_finished")
    assert "Title: Title " in await prompt_of(house, 0)
    assert len(house.llm.requests) == 1


@pytest.mark.unmute("B31")
async def test_without_news_the_conversation_is_small_talk_in_its_language(house: House, press: FakeNewsApi) -> None:
    press.answer = lambda: Response("private", 503)
    async with house.calling(TYPED) as caller:
        event = await update_of(caller, told_to_be("news", language="fr"), "news")
        assert event.HasField("session_updated")
        await answered(caller)
    prompt = await prompt_of(house, 0)
    assert "cannot get at the headlines" in prompt
    assert "Speak French." in prompt
    assert "private" not in prompt


async def test_who_asks_for_ever_more_while_the_news_are_fetched_is_told(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling(TYPED) as caller:
        await caller.update(told_to_be("news"), "news")
        for number in range(35):
            await caller.update(pb.SessionConfig(voice=f"v{number}"), f"{number}")
        await caller.finish()  # always has its place
        await caller.say("Hi!", "too late")
        rejected = {}
        while "too late" not in rejected:
            event = await caller.until_event("request_rejected")
            rejected[event.request_id] = event.request_rejected.message
        assert list(rejected) == ["31", "32", "33", "34", "too late"]
        assert rejected["31"].startswith("32 requests are waiting")
        press.open.set()
        assert (await caller.to_end())[-1] == "conversation_ended"
    assert [each.session.voice for each in caller.told("session_updated")[1:]] == [f"v{n}" for n in range(31)]


async def test_whoever_hangs_up_during_the_fetch_leaves_nothing_behind(house: House, press: FakeNewsApi) -> None:
    press.open.clear()
    async with house.calling(TYPED) as caller:
        await caller.update(told_to_be("news"), "news")
        await press.until(lambda: len(press.requests) == 1)
        await caller.hang_up()
        await caller.to_end()
    await house.no_call_left()
    press.open.set()
    async with asyncio.timeout(5), house.calling(TYPED) as another:
        await update_of(another, told_to_be("news"), "news")
    assert len(press.requests) == 1
