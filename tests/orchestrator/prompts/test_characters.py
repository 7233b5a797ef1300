"""Characters through a conversation: set at any time, rendered once, and the news without waiting for them.

Headlines are fetched before the orchestrator serves, and again beside its conversations. So none of them ever waits, a
conversation that opens with the news has its character from the start, and where there are none it makes small talk.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.responses import Response

from mesh.errors import InvalidRequest
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import breaks_off
from tests.fakes.newsapi import FakeNewsApi
from tests.orchestrator.caller import SILENCE, TYPED, Caller
from tests.orchestrator.harness import TEXTS, Harness, open_harness_with_news

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
async def harness(press: FakeNewsApi) -> AsyncIterator[Harness]:
    async with open_harness_with_news(press) as built:
        yield built


def told_to_be(kind: str, **fields: Any) -> pb.SessionConfig:
    return pb.SessionConfig(instructions=pb.Instructions(character=pb.Character(kind=kind, **fields)))


async def prompt_of(harness: Harness, number: int) -> str:
    """The system prompt of the so-manieth request to the model."""
    role, text = (await harness.llm.messages(number))[0]
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
async def test_every_kind_in_every_language(harness: Harness, language: str | None) -> None:
    async with harness.calling(TYPED) as caller:
        for number, (kind, says) in enumerate(KINDS.items()):
            wanted = told_to_be(kind, language=language)
            event = await update_of(caller, wanted, kind)
            assert event.session_updated.session.instructions == wanted.instructions
            await answered(caller)
            assert says in await prompt_of(harness, number)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_conversation_can_open_with_every_kind(harness: Harness, kind: str) -> None:
    config = pb.ConverseConfig(session=told_to_be(kind), typed_only=True)
    async with harness.calling(config) as caller:
        assert caller.received("started")[0].session.instructions == config.session.instructions
        await answered(caller)
    assert KINDS[kind] in await prompt_of(harness, 0)


async def test_a_prompt_is_rendered_once_and_anew_when_it_is_set_again(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await update_of(caller, told_to_be("quiz_show"), "first")
        await answered(caller)
        await update_of(caller, pb.SessionConfig(voice="anna"), "voice")
        await answered(caller)
        await update_of(caller, told_to_be("quiz_show"), "again")
        await answered(caller)
    first, second, third = [await prompt_of(harness, number) for number in range(3)]
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
    harness: Harness, press: FakeNewsApi, session: pb.SessionConfig, message: str
) -> None:
    async with harness.calling(TYPED) as caller:
        await update_of(caller, told_to_be("smalltalk"), "good")
        event = await update_of(caller, session, "bad")
        assert event.request_rejected.message == message
        await answered(caller)
        assert "somebody to chat with" in await prompt_of(harness, 0)
    async with harness.dialled() as refused:
        await refused.send(pb.ConverseRequest(config=pb.ConverseConfig(session=session, typed_only=True)))
        failure = await refused.failure()
        assert isinstance(failure, InvalidRequest)
        assert failure.message == message
    assert len(press.requests) == 1  # the one before it serves


# --- the news ---------------------------------------------------------------------------------------------------


async def test_all_conversations_share_the_headlines_of_one_fetch(harness: Harness, press: FakeNewsApi) -> None:
    async with harness.calling(TYPED) as one, harness.calling(TYPED) as other:
        for caller in (one, other):
            await update_of(caller, told_to_be("news"), "news")
        await update_of(one, told_to_be("news"), "again")
    assert len(press.requests) == 1


async def test_a_greeting_has_the_news(harness: Harness) -> None:
    session = told_to_be("news")
    session.greeting = True
    async with harness.calling(pb.ConverseConfig(session=session)) as caller:
        await caller.play(SILENCE)
        await caller.until("reply_finished")
    assert "Title: Title " in await prompt_of(harness, 0)
    assert len(harness.llm.requests) == 1


@pytest.mark.unmute("B19", "B31")
@pytest.mark.parametrize("trouble", ["an error", "no answer"])
async def test_without_news_the_conversation_is_small_talk_in_its_language_at_once(trouble: str) -> None:
    press = FakeNewsApi()
    press.answer = lambda: Response("private", 503)
    if trouble == "no answer":
        press.open.clear()
    async with open_harness_with_news(press, news_limit_s=0.2) as harness, harness.calling(TYPED) as caller:
        event = await update_of(caller, told_to_be("news", language="fr"), "news")
        assert event.HasField("session_updated")
        await answered(caller)
        prompt = await prompt_of(harness, 0)
    assert "cannot get at the headlines" in prompt
    assert "Speak French." in prompt
    assert "private" not in prompt
    assert len(press.requests) == 1


# --- apologies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("session", "language"),
    [
        (pb.SessionConfig(), "en"),
        (pb.SessionConfig(instructions=pb.Instructions(prompt="Sois bref.")), "en"),
        (told_to_be("smalltalk", language="fr"), "fr"),
        (told_to_be("constant", language="fr/en"), "fr"),
        (told_to_be("quiz_show", language="en/fr"), "en"),
        (told_to_be("unmute_explanation", language="fr"), "en"),
    ],
)
async def test_a_model_that_fails_is_apologised_for_in_the_language_of_the_character(
    harness: Harness, session: pb.SessionConfig, language: str
) -> None:
    apologies = TEXTS.model_apologies[language]
    async with harness.calling(pb.ConverseConfig(session=session, typed_only=True)) as caller:
        harness.llm.script = breaks_off("It ", "was a ")
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == f"It was a {apologies.unfinished}"
        harness.llm.script = breaks_off()
        await caller.say("And?")
        assert (await caller.until("reply_finished")).text == apologies.unanswered


async def test_the_apology_follows_the_character(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        harness.llm.script = breaks_off()
        await update_of(caller, told_to_be("smalltalk", language="fr"), "fr")
        await caller.say("Salut !")
        assert (await caller.until("reply_finished")).text == TEXTS.model_apologies["fr"].unanswered
        await update_of(caller, pb.SessionConfig(voice="anna"), "voice")
        await caller.say("Alors ?")
        assert (await caller.until("reply_finished")).text == TEXTS.model_apologies["fr"].unanswered
        await update_of(caller, told_to_be("smalltalk"), "en")
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == TEXTS.model_apologies["en"].unanswered
