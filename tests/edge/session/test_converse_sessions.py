"""Parley's own dialect on a real socket."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from edge.server import EdgeServer
from edge.session import client as client_session
from mesh.audio import FRAME_BYTES
from mesh.errors import AtCapacity
from parley.conversation.v1 import conversation_pb2 as pb
from tests.edge.clients import Client, client_of
from tests.edge.sounds import opus_stream, pages_of, tone
from tests.fakes.conversation import Conversation, FakeConversation

OPUS = {"encoding": "AUDIO_ENCODING_OGG_OPUS"}
CONFIG: dict[str, Any] = {"session": {"voice": "alto", "greeting": True}, "inputFormat": OPUS, "outputFormat": OPUS}


@pytest.fixture
async def client(edge: EdgeServer) -> AsyncIterator[Client]:
    async with client_of(edge.port, "/v1/converse") as connected:
        yield connected


@pytest.fixture
async def talk(client: Client, fake: FakeConversation) -> Conversation:
    await client.send(config=CONFIG)
    return await fake.next_conversation()


async def test_the_client_opens_the_conversation(client: Client, talk: Conversation) -> None:
    assert talk.config.session.voice == "alto"
    started = (await client.next_event())["started"]
    assert started["sessionId"] == "session-1"
    assert started["outputFormat"]["encoding"] == "AUDIO_ENCODING_OGG_OPUS"


async def test_a_turn_each_way(client: Client, talk: Conversation) -> None:
    await client.next_event()
    for page in pages_of(opus_stream(0.4)):
        await client.send(audio={"audio": base64.b64encode(page).decode()})
    assert len((await talk.next_request("audio")).audio.audio) == FRAME_BYTES
    await client.send(requestId="a", text={"text": "Hello"})
    typed = await talk.next_request("text")
    await talk.say(typed.request_id, user_turn_ended={"item_id": "i1", "text": "Hello"})
    await talk.say(reply_created={"reply_id": "r1", "item_id": "i2"})
    await talk.say(reply_audio={"reply_id": "r1", "audio": tone(0.08)})
    told = [await client.next_event() for _ in range(3)]
    assert told[0] == {"requestId": "a", "userTurnEnded": {"itemId": "i1", "text": "Hello"}}
    assert told[1] == {"replyCreated": {"replyId": "r1", "itemId": "i2"}}
    assert base64.b64decode(told[2]["replyAudio"]["audio"]).startswith(b"OggS")


async def test_an_invalid_message_is_rejected_and_the_session_goes_on(client: Client, talk: Conversation) -> None:
    await client.next_event()
    await client.websocket.send("nonsense")
    assert (await client.next_event())["requestRejected"]["reason"] == "BAD_REQUEST"
    await client.send(text={"text": "Hello"})
    await talk.next_request("text")


async def test_the_end_is_told_and_closes_with_1000(client: Client, talk: Conversation) -> None:
    await client.next_event()
    await client.send(finish={})
    await talk.next_request("finish")
    await talk.end(pb.END_CAUSE_FINISHED)
    assert await client.next_event() == {"conversationEnded": {"cause": "END_CAUSE_FINISHED"}}
    assert await client.closed() == (1000, "")


class TestRefusal:
    async def test_when_the_mesh_is_full(self, client: Client, fake: FakeConversation) -> None:
        fake.refusal = AtCapacity("full", retry_after=2.0, service="stt")
        await client.send(config=CONFIG)
        error = (await client.next_event())["error"]
        assert (error["reason"], error["service"], error["retryAfter"]) == ("AT_CAPACITY", "stt", "2s")
        assert (await client.closed())[0] == 1013

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            ({"text": {"text": "Hello"}}, "CONFIG_REQUIRED"),
            ({"config": {"inputFormat": {**OPUS, "sampleRateHertz": 8_000}}}, "BAD_AUDIO_FORMAT"),
            ({"confg": {}}, "BAD_REQUEST"),
        ],
    )
    async def test_of_an_opening_that_cannot_be_honoured(
        self, client: Client, fake: FakeConversation, message: dict[str, Any], reason: str
    ) -> None:
        await client.websocket.send(json.dumps(message))
        assert (await client.next_event())["error"]["reason"] == reason
        assert (await client.closed())[0] == 1008
        assert fake.admitted == 0

    async def test_of_a_client_that_never_begins(
        self, edge: EdgeServer, fake: FakeConversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client_session, "_OPENING_LIMIT_S", 0.1)
        async with client_of(edge.port, "/v1/converse") as client:
            assert (await client.next_event())["error"]["reason"] == "IDLE"
            assert (await client.closed())[0] == 1011
        assert fake.admitted == 0

    async def test_a_client_that_leaves_before_it_begins_is_no_conversation(
        self, client: Client, fake: FakeConversation, edge: EdgeServer
    ) -> None:
        await client.websocket.close()
        async with client_of(edge.port, "/v1/converse") as another:
            await another.send(config=CONFIG)
            await fake.next_conversation()
        assert fake.admitted == 1
