"""Every character that Unmute's clients know, from their WebSocket to the language model."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from edge.dialects.unmute.instructions import DEFAULT_TEXT
from tests.edge.clients import Client, client_of
from tests.edge.conftest import EdgeFactory
from tests.edge.sounds import opus_stream, pages_of
from tests.fakes.newsapi import FakeNewsApi
from tests.orchestrator.harness import Harness, open_harness_with_news

PAGES = pages_of(opus_stream(0.5))

FRENCH = {"language": "fr"}


@pytest.fixture
def press() -> FakeNewsApi:
    return FakeNewsApi()


@pytest.fixture
async def harness(press: FakeNewsApi) -> AsyncIterator[Harness]:
    async with open_harness_with_news(press) as built:
        yield built


@pytest.fixture
async def caller(harness: Harness, serve_edge: EdgeFactory) -> AsyncIterator[Client]:
    """Somebody on the other side of an edge."""
    async with (
        serve_edge(orchestrator_target=harness.server.address) as edge,
        client_of(edge.port, subprotocols=["realtime"]) as connected,
    ):
        yield connected


async def until(client: Client, kind: str) -> dict[str, Any]:
    """Read on until an event of this type."""
    while (event := await client.next_event())["type"] != kind:
        assert event["type"] != "error", event
    return event


async def speak(client: Client) -> None:
    for page in PAGES:
        await client.append(page)


@pytest.mark.unmute("S3", "B22")
@pytest.mark.parametrize(
    ("instructions", "echoed", "told"),
    [
        ({"type": "constant"}, {"type": "constant", "text": DEFAULT_TEXT, "language": None}, DEFAULT_TEXT),
        (
            {"type": "constant", "text": "a sailor"},
            {"type": "constant", "text": "a sailor", "language": None},
            "a sailor",
        ),
        ({"type": "smalltalk"}, {"type": "smalltalk", "language": None}, "somebody to chat with"),
        ({"type": "guess_animal", **FRENCH}, {"type": "guess_animal", **FRENCH}, "the keeper of a riddle"),
        ({"type": "quiz_show", **FRENCH}, {"type": "quiz_show", **FRENCH}, "the host of a quiz show"),
        ({"type": "news", **FRENCH}, {"type": "news", **FRENCH}, "Title: Title "),
        ({"type": "unmute_explanation", **FRENCH}, {"type": "unmute_explanation"}, "a guide who explains Parley"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else None,
)
async def test_a_character_greets(
    caller: Client, harness: Harness, instructions: dict[str, Any], echoed: dict[str, Any], told: str
) -> None:
    await caller.update(instructions=instructions)
    session = (await until(caller, "session.updated"))["session"]
    assert session == {"instructions": echoed, "voice": None, "allow_recording": False}
    await speak(caller)
    created = await until(caller, "response.created")
    assert "system" not in {message["role"] for message in created["response"]["chat_history"]}
    messages = await harness.llm.messages(0)
    assert [role for role, _ in messages] == ["system", "user"]
    assert told in messages[0][1]
    assert ("Speak French." in messages[0][1]) == (echoed.get("language") == "fr")
    await until(caller, "response.audio.done")


async def test_updates_keep_their_order_and_audio_goes_on_while_the_news_are_fetched(
    caller: Client, harness: Harness, press: FakeNewsApi
) -> None:
    press.open.clear()
    await caller.update(instructions={"type": "news"})
    await caller.update(voice="anna")
    await press.until(lambda: len(press.requests) == 1)
    await speak(caller)
    hearing = await harness.stt.hearing()
    await hearing.until(lambda: len(hearing.audio) > 0)
    press.open.set()
    assert (await until(caller, "session.updated"))["session"]["instructions"] == {"type": "news", "language": None}
    assert (await until(caller, "session.updated"))["session"]["voice"] == "anna"
    await until(caller, "response.audio.done")
    assert "Title: Title " in (await harness.llm.messages(0))[0][1]


@pytest.mark.parametrize(
    "instructions", [{"type": "pirate"}, {"type": "news", "language": "de"}, {"language": "fr"}], ids=str
)
async def test_what_does_not_exist_is_an_invalid_request(caller: Client, instructions: dict[str, Any]) -> None:
    await caller.update(instructions=instructions)
    event = await caller.next_event()
    assert event["error"]["type"] == "invalid_request_error"
    await caller.update(instructions={"type": "quiz_show"})
    await until(caller, "session.updated")
