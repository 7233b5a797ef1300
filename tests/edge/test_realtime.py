import asyncio
import base64
import itertools
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from edge import realtime, server
from edge.ogg import OggReader
from edge.server import MAX_MESSAGE_BYTES, EdgeServer
from mesh import admission
from mesh.errors import AtCapacity, Idle, InternalError, MeshError, UpstreamDown, VoiceNotFound
from mesh.server import GrpcServer
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.conftest import Client, EdgeFactory, client_of
from tests.edge.sounds import opus_stream, pages_of, tone
from tests.fakes.conversation import Conversation, FakeConversation

FRAME = tone(0.08)
STREAM = opus_stream(0.8)


@pytest.fixture
async def talk(client: Client, fake: FakeConversation) -> Conversation:
    """The service's side of what `client` has opened."""
    assert client.websocket.subprotocol
    return await fake.next_conversation()


async def events(client: Client, count: int) -> list[dict[str, Any]]:
    return [await client.next_event() for _ in range(count)]


async def flood(client: Client) -> None:
    """Send until the connection is closed; half a gigabyte at most."""
    for _ in range(1_000):
        await client.update(voice="v" * 500_000)


@asynccontextmanager
async def deaf_client_of(edge: EdgeServer) -> AsyncIterator[Client]:
    """A client that does not read, with little room for what it is sent."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.connect(("127.0.0.1", edge.port))
    async with client_of(edge.port, sock=sock) as client:
        client.websocket.transport.pause_reading()
        yield client
        client.websocket.transport.abort()


class TestHandshake:
    @pytest.mark.parametrize(
        ("offered", "answered"),
        [(["realtime"], "realtime"), (["other", "realtime"], "realtime"), (["other"], None), (None, None)],
    )
    async def test_the_subprotocol_is_answered_only_if_offered(
        self, edge: EdgeServer, offered: list[str] | None, answered: str | None
    ) -> None:
        async with client_of(edge.port, subprotocols=offered) as client:
            assert client.websocket.subprotocol == answered

    async def test_nothing_is_compressed(self, client: Client) -> None:
        assert client.websocket.protocol.extensions == []

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


class TestMicrophone:
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

    async def test_a_service_that_does_not_read_stops_the_client(
        self, client: Client, fake: FakeConversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing piles up in the edge: it stops reading, until the orchestrator's silence ends the session."""
        monkeypatch.setattr(admission, "SEND_LIMIT_S", 0.3)
        fake.reading.clear()
        await fake.next_conversation()
        with pytest.raises(ConnectionClosed):
            await flood(client)
        assert (await client.closed())[0] == 1011
        fake.reading.set()


class TestReply:
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

    async def test_one_ogg_stream_across_replies(self, client: Client, talk: Conversation) -> None:
        for reply_id in ("r1", "r2", "r3"):
            await talk.say(reply_audio={"reply_id": reply_id, "audio": FRAME})
            await talk.say(reply_released={"reply_id": reply_id, "text": "Hi"})
        told = await events(client, 12)
        stream = b"".join(base64.b64decode(event["delta"]) for event in told if event["type"].endswith("audio.delta"))
        pages = list(OggReader().read(stream))
        assert [page.begins_stream for page in pages] == [True, *[False] * (len(pages) - 1)]
        assert {page.serial for page in pages} == {pages[0].serial}

    async def test_nothing_of_a_reply_follows_its_cancellation(self, edge: EdgeServer, fake: FakeConversation) -> None:
        """A reply is cut behind a backlog that the client has not read: only what was on its way still arrives."""
        async with deaf_client_of(edge) as client:
            talk = await fake.next_conversation()
            for _ in range(200):
                await talk.say(reply_text_delta={"reply_id": "r1", "text": "x" * 50_000})
            await talk.say(reply_cancelled={"reply_id": "r1", "cause": conversation.CANCEL_CAUSE_SPEECH_DETECTED})
            await talk.say(reply_text_delta={"reply_id": "r2", "text": "y"})
            # The updates answered here were asked for after all that, so the edge has seen it.
            await client.update()
            update = await talk.next_request()
            client.websocket.transport.resume_reading()
            await talk.say(update.request_id, session_updated={})
            told: list[dict[str, Any]] = []
            while not told or told[-1]["type"] != "session.updated":
                told.append(await client.next_event())
            before, after = told[:-3], told[-3:]
            assert len(before) < 150
            assert {event["type"] for event in before} == {"unmute.response.text.delta.ready"}
            assert [event["type"] for event in after] == [
                "unmute.interrupted_by_vad",
                "unmute.response.text.delta.ready",
                "session.updated",
            ]

    async def test_a_warning_is_passed_on(self, client: Client, talk: Conversation) -> None:
        await talk.say(warning={"reason": "LLM_FAILED", "message": "I lost my thread."})
        assert (await client.next_event())["error"]["type"] == "warning"


class TestEnd:
    async def test_goodbye_closes_with_1000(self, client: Client, talk: Conversation) -> None:
        await talk.say(reply_text_done={"reply_id": "r1", "text": "Bye!"})
        await talk.end(conversation.END_CAUSE_GOODBYE)
        assert (await client.next_event())["type"] == "response.text.done"
        assert await client.closed() == (1000, "")

    async def test_goodbye_is_1000_for_a_client_that_goes_on_talking(self, client: Client, talk: Conversation) -> None:
        async def talk_on() -> None:
            pages = pages_of(STREAM)
            for number in itertools.count():
                await client.append(pages[min(number, 2)])

        talking = asyncio.create_task(talk_on())
        await talk.next_request("audio")
        await talk.end(conversation.END_CAUSE_GOODBYE)
        assert await client.closed() == (1000, "")
        with pytest.raises(ConnectionClosed):
            await talking

    async def test_a_client_that_closes_hangs_up(self, client: Client, talk: Conversation) -> None:
        await client.websocket.close()
        await talk.hung_up()
        assert not talk.finished

    async def test_a_client_that_vanishes_hangs_up(self, client: Client, talk: Conversation) -> None:
        client.websocket.transport.abort()
        await talk.hung_up()
        assert not talk.finished

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (UpstreamDown("the recogniser is gone"), 1011, "The conversation was lost. Please try again."),
            (Idle("no request for 600 s"), 1011, "No request for 600 s."),
            (InternalError(), 1011, "Something went wrong here. Please try again."),
            (None, 1011, "The conversation was lost. Please try again."),
        ],
    )
    async def test_a_conversation_that_fails_is_fatal(
        self, client: Client, talk: Conversation, error: MeshError | None, code: int, message: str
    ) -> None:
        talk.fail(error)
        event = await client.next_event()
        assert event["error"]["type"] == "fatal"
        assert event["error"]["message"] == message
        assert await client.closed() == (code, message)

    async def test_a_client_that_does_not_read_is_dropped(
        self, edge: EdgeServer, fake: FakeConversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(realtime, "_CLIENT_LIMIT_S", 0.2)
        async with deaf_client_of(edge):
            talk = await fake.next_conversation()
            for _ in range(200):
                await talk.say(reply_text_done={"reply_id": "r1", "text": "x" * 50_000})
            await talk.hung_up()

    async def test_its_socket_is_freed_as_well(
        self, orchestrator: GrpcServer, fake: FakeConversation, serve_edge: EdgeFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(realtime, "_CLIENT_LIMIT_S", 0.2)
        monkeypatch.setattr(server, "_UNREAD_LIMIT_MS", 500)
        async with serve_edge(orchestrator_target=orchestrator.address) as edge, deaf_client_of(edge):
            talk = await fake.next_conversation()
            for _ in range(200):
                await talk.say(reply_text_done={"reply_id": "r1", "text": "x" * 50_000})
            await talk.hung_up()
            async with asyncio.timeout(5):
                while edge._server.server_state.connections:  # noqa: ASYNC110 - the kernel frees it, and tells nobody
                    await asyncio.sleep(0.05)


class TestRefusal:
    @pytest.mark.parametrize(
        ("refusal", "code", "message"),
        [
            (AtCapacity("full", retry_after=2.0, service="stt"), 1013, "Every stt is taken. Please try again in 2 s."),
            (
                AtCapacity("this orchestrator is full", retry_after=1.0),
                1013,
                "Every orchestrator is taken. Please try again in 1 s.",
            ),
            (UpstreamDown("the recogniser is down"), 1011, "No orchestrator can be reached."),
            (VoiceNotFound("there is no such voice"), 1011, "There is no such voice."),
        ],
    )
    async def test_is_a_fatal_error_and_a_close(
        self, fake: FakeConversation, edge: EdgeServer, refusal: MeshError, code: int, message: str
    ) -> None:
        fake.refusal = refusal
        async with client_of(edge.port, subprotocols=["realtime"]) as client:
            event = await client.next_event()
            assert event["type"] == "error"
            assert event["error"]["type"] == "fatal"
            assert event["error"]["message"] == message
            assert event["error"]["details"]["reason"] == refusal.reason
            assert await client.closed() == (code, message)

    async def test_comes_within_50_ms(self, fake: FakeConversation, edge: EdgeServer) -> None:
        fake.refusal = AtCapacity("full", retry_after=2.0, service="stt")
        times = []
        for _ in range(5):
            started = time.monotonic()
            async with client_of(edge.port) as client:
                await client.closed()
            times.append(time.monotonic() - started)
        assert sorted(times)[2] < 0.05

    async def test_others_do_not_notice(
        self, client: Client, talk: Conversation, fake: FakeConversation, edge: EdgeServer
    ) -> None:
        fake.refusal = AtCapacity("full")
        async with client_of(edge.port) as refused:
            assert (await refused.closed())[0] == 1013
        await client.append(STREAM)
        await talk.next_request("audio")

    async def test_without_an_orchestrator(self, serve_edge: EdgeFactory) -> None:
        async with serve_edge() as edge, client_of(edge.port) as client:
            assert (await client.next_event())["error"]["message"] == "No orchestrator can be reached."
            assert (await client.closed())[0] == 1011

    async def test_the_next_replica_is_asked(self, orchestrator: GrpcServer, serve_edge: EdgeFactory) -> None:
        targets = f"127.0.0.1:9,{orchestrator.address}"
        async with serve_edge(orchestrator_target=targets) as edge, client_of(edge.port) as client:
            await client.websocket.send("nonsense")
            assert (await client.next_event())["error"]["type"] == "invalid_request_error"


async def test_a_storm_leaves_nothing_behind(edge: EdgeServer, fake: FakeConversation) -> None:
    async def drop_in(moment: int) -> None:
        async with client_of(edge.port) as client:
            if moment > 0:
                await client.append(STREAM)
            if moment > 1:
                await fake.next_conversation()
            if moment > 2:
                await client.websocket.send("nonsense")
                await client.next_event()
            client.websocket.transport.abort()

    tasks = asyncio.all_tasks()
    for _ in range(10):
        await asyncio.gather(*(drop_in(moment % 4) for moment in range(8)))
    async with asyncio.timeout(5):
        # As many as before: gRPC's server awaits the next call in a new task each time.
        while len(asyncio.all_tasks()) > len(tasks):
            await asyncio.wait(asyncio.all_tasks() - tasks, return_when=asyncio.FIRST_COMPLETED)
    assert fake.live == 0
