import base64
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from edge.audio.ogg import OggReader
from edge.server import MAX_MESSAGE_BYTES, EdgeServer
from mesh.rpc import admission
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.clients import Client, client_of, client_that_does_not_read
from tests.edge.sounds import opus_stream, pages_of, tone
from tests.fakes.conversation import Conversation, FakeConversation

FRAME = tone(0.08)
STREAM = opus_stream(0.8)


async def events(client: Client, count: int) -> list[dict[str, Any]]:
    return [await client.next_event() for _ in range(count)]


async def flood(client: Client) -> None:
    """Send until the connection is closed; half a gigabyte at most."""
    for _ in range(1_000):
        await client.update(instructions={"type": "constant", "text": "v" * 500_000})


class TestHandshake:
    @pytest.mark.unmute("B1", "C1", "S1")
    @pytest.mark.parametrize(
        ("offered", "answered"),
        [(["realtime"], "realtime"), (["other", "realtime"], "realtime"), (["other"], None), (None, None)],
    )
    async def test_the_subprotocol_is_answered_only_if_offered(
        self, edge: EdgeServer, offered: list[str] | None, answered: str | None
    ) -> None:
        async with client_of(edge.port, subprotocols=offered) as client:
            assert client.websocket.subprotocol == answered

    @pytest.mark.unmute("S1")
    async def test_nothing_is_compressed(self, client: Client) -> None:
        assert client.websocket.protocol.extensions == []

    @pytest.mark.unmute("S1")
    async def test_queries_and_credentials_are_nobodys_business(self, edge: EdgeServer, fake: FakeConversation) -> None:
        """The load test may have credentials for a proxy in front."""
        headers = {"Authorization": "Basic dXNlcjpwYXNzd29yZA=="}
        async with client_of(edge.port, "/v1/realtime?model=x", additional_headers=headers):
            await fake.next_conversation()

    async def test_the_conversation_is_opened_unmutes_way(self, talk: Conversation) -> None:
        assert talk.config.session.greeting
        assert talk.config.session.goodbye

    async def test_the_first_event_answers_the_first_update(self, client: Client, talk: Conversation) -> None:
        await client.update(voice="alto")
        update = await talk.next_request()
        await talk.say(update.request_id, session_updated={})
        event = await client.next_event()
        assert event["type"] == "session.updated"
        assert event["session"] == {"instructions": None, "voice": "alto", "allow_recording": False}


@pytest.fixture
def short_send_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "SEND_LIMIT_S", 0.3)


class TestMicrophone:
    @pytest.mark.unmute("C4")
    async def test_audio_arrives_in_whole_frames(self, client: Client, talk: Conversation) -> None:
        for page in pages_of(STREAM):
            await client.append(page)
        assert [len((await talk.next_request("audio")).audio.audio) for _ in range(9)] == [3_840] * 9

    @pytest.mark.parametrize(
        "invalid",
        [
            "nonsense",
            '{"type": "response.create"}',
            '{"type": "session.update", "session": {}}',
            '{"type": "input_audio_buffer.append", "audio": "%"}',
            '{"type": "input_audio_buffer.append", "audio": "UklGRgAAAAA="}',
            b"binary",
            "",
        ],
        ids=["bad JSON", "unknown type", "bad schema", "bad base64", "not Ogg", "binary frame", "empty frame"],
    )
    async def test_an_invalid_message_is_answered_and_the_session_lives(
        self, client: Client, talk: Conversation, invalid: str | bytes
    ) -> None:
        await client.websocket.send(invalid)
        answer = await client.next_event()
        assert answer["type"] == "error"
        assert answer["error"]["type"] == "invalid_request_error"
        assert answer["error"]["details"]
        await client.append(STREAM)
        assert (await talk.next_request()).HasField("audio")

    async def test_a_message_that_is_too_long_closes_with_1009(self, client: Client, talk: Conversation) -> None:
        await client.websocket.send("x" * (MAX_MESSAGE_BYTES + 1))
        assert (await client.closed())[0] == 1009
        await talk.hung_up()

    async def test_a_refused_update_is_an_invalid_request(self, client: Client, talk: Conversation) -> None:
        await client.update(instructions={"type": "quiz_show"})
        update = await talk.next_request()
        assert update.update.session.instructions.character.kind == "quiz_show"
        await talk.say(update.request_id, request_rejected={"reason": "BAD_REQUEST", "message": "no character"})
        event = await client.next_event()
        assert event["error"]["type"] == "invalid_request_error"
        assert event["error"]["message"] == "no character"

    @pytest.mark.usefixtures("short_send_limit")
    async def test_a_service_that_does_not_read_stops_the_client(self, client: Client, fake: FakeConversation) -> None:
        """Nothing piles up in the edge: it stops reading, until the orchestrator's silence ends the session."""
        fake.reading.clear()
        await fake.next_conversation()
        with pytest.raises(ConnectionClosed):
            await flood(client)
        assert (await client.closed())[0] == 1011
        fake.reading.set()


class TestReply:
    @pytest.mark.unmute("C6", "S4")
    async def test_events_keep_their_order(self, client: Client, talk: Conversation) -> None:
        await talk.say(user_speech_started={"item_id": "i1"})
        await talk.say(user_word_recognized={"item_id": "i1", "text": "Hello"})
        await talk.say(user_speech_stopped={"item_id": "i1"})
        await talk.say(user_turn_ended={"item_id": "i1", "text": "Hello"})
        await talk.say(reply_created={"reply_id": "r1"})
        await talk.say(reply_text_delta={"reply_id": "r1", "text": "Hi"})
        await talk.say(reply_text_done={"reply_id": "r1", "text": "Hi"})
        await talk.say(reply_audio={"reply_id": "r1", "audio": FRAME})
        await talk.say(reply_word_spoken={"reply_id": "r1", "text": "Hi"})
        await talk.say(reply_released={"reply_id": "r1", "text": "Hi"})
        assert [event["type"] for event in await events(client, 11)] == [
            "conversation.item.input_audio_transcription.delta",
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "response.created",
            "unmute.response.text.delta.ready",
            "response.text.done",
            "response.audio.delta",
            "response.text.delta",
            "response.audio.delta",
            "unmute.additional_outputs",
            "response.audio.done",
        ]

    @pytest.mark.unmute("C5", "S5")
    async def test_one_ogg_stream_across_replies(self, client: Client, talk: Conversation) -> None:
        for reply_id in ("r1", "r2", "r3"):
            await talk.say(reply_audio={"reply_id": reply_id, "audio": FRAME})
            await talk.say(reply_released={"reply_id": reply_id, "text": "Hi"})
        told = await events(client, 12)
        stream = b"".join(base64.b64decode(event["delta"]) for event in told if event["type"].endswith("audio.delta"))
        pages = list(OggReader().read(stream))
        assert [page.begins_stream for page in pages] == [True, *[False] * (len(pages) - 1)]
        assert {page.serial for page in pages} == {pages[0].serial}

    @pytest.mark.unmute("B11")
    async def test_nothing_of_a_reply_follows_its_cancellation(self, edge: EdgeServer, fake: FakeConversation) -> None:
        """A reply is cut behind a backlog that the client has not read: only what was on its way still arrives."""
        async with client_that_does_not_read(edge.port) as client:
            talk = await fake.next_conversation()
            await talk.say(reply_created={"reply_id": "r1"})
            for _ in range(200):
                await talk.say(reply_text_delta={"reply_id": "r1", "text": "x" * 50_000})
            await talk.say(reply_cancelled={"reply_id": "r1", "cause": conversation.CANCEL_CAUSE_SPEECH_DETECTED})
            await talk.say(reply_created={"reply_id": "r2"})
            await talk.say(reply_text_delta={"reply_id": "r2", "text": "y"})
            # The updates answered here were asked for after all that, so the edge has seen it.
            await client.update()
            update = await talk.next_request()
            client.websocket.transport.resume_reading()
            await talk.say(update.request_id, session_updated={})
            told: list[dict[str, Any]] = []
            while not told or told[-1]["type"] != "session.updated":
                told.append(await client.next_event())
            created, before, after = told[0], told[1:-4], told[-4:]
            assert created["type"] == "response.created"
            assert len(before) < 150
            assert {event["type"] for event in before} == {"unmute.response.text.delta.ready"}
            assert [event["type"] for event in after] == [
                "unmute.interrupted_by_vad",
                "response.created",
                "unmute.response.text.delta.ready",
                "session.updated",
            ]

    async def test_a_warning_is_passed_on(self, client: Client, talk: Conversation) -> None:
        await talk.say(warning={"reason": "LLM_FAILED", "message": "I lost my thread."})
        assert (await client.next_event())["error"]["type"] == "warning"
