import asyncio
import itertools
import sys
import time
from contextlib import AsyncExitStack
from types import CoroutineType
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import Message
from starlette.websockets import WebSocket
from structlog.testing import capture_logs
from websockets.exceptions import ConnectionClosed

from edge import server
from edge.access.openings import Openings
from edge.dialects.unmute import UnmuteDialect
from edge.metrics import EdgeMetrics
from edge.server import EdgeServer
from edge.session import client as client_session
from edge.session.client import ClientSession
from mesh.discovery.search import Replicas
from mesh.errors import AtCapacity, Idle, InternalError, MeshError, UpstreamDown, VoiceNotFound
from mesh.rpc.server import GrpcServer
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.clients import Client, client_of, client_that_does_not_read
from tests.edge.conftest import EdgeFactory
from tests.edge.sounds import opus_stream, pages_of, tone
from tests.fakes.conversation import Conversation, FakeConversation

FRAME = tone(0.08)
STREAM = opus_stream(0.8)


class TestEnd:
    async def test_goodbye_closes_with_1000(self, client: Client, talk: Conversation) -> None:
        await talk.say(reply_word_spoken={"reply_id": "r1", "text": "Bye!"})
        await talk.end(conversation.END_CAUSE_GOODBYE)
        assert (await client.next_event())["type"] == "response.text.delta"
        assert await client.closed() == (1000, "")

    @pytest.mark.unmute("C10")
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

    @pytest.mark.parametrize(
        ("frame", "code"),
        [
            pytest.param(b"\x81\x82" + bytes(4) + b"\xff\xfe", 1007, id="no UTF-8"),
            pytest.param(b"\x83\x80" + bytes(4), 1002, id="an unknown kind of frame"),
            pytest.param(b"\x81\xff" + (1 << 30).to_bytes(8, "big") + bytes(4), 1009, id="too long"),
        ],
    )
    @pytest.mark.unmute("S7")
    async def test_a_client_that_breaks_the_protocol_is_told_and_nobody_else(
        self, client: Client, talk: Conversation, caplog: pytest.LogCaptureFixture, frame: bytes, code: int
    ) -> None:
        client.websocket.transport.write(frame)
        await talk.hung_up()
        assert (await client.closed())[0] == code
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []

    @pytest.mark.parametrize("sends", ["websocket.send", "websocket.close"])
    async def test_a_connection_that_the_server_closed_by_itself_is_a_client_that_has_gone(
        self, orchestrator: GrpcServer, fake: FakeConversation, sends: str
    ) -> None:
        """Uvicorn takes it for a mistake to send then; the session may learn of the close only later."""

        async def receive() -> Message:
            return connect if not sent else await asyncio.Future()

        async def send(message: Message) -> None:
            sent.append(message)
            if message["type"] != "websocket.accept":
                raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

        sent: list[Message] = []
        connect: Message = {"type": "websocket.connect"}
        websocket = WebSocket({"type": "websocket", "subprotocols": [], "headers": []}, receive, send)
        async with Replicas("orchestrator", orchestrator.address) as orchestrators:
            metrics = EdgeMetrics(CollectorRegistry())
            session = ClientSession(
                websocket, UnmuteDialect, orchestrators, metrics, stopping=asyncio.Event(), openings=Openings()
            )
            with capture_logs() as logged:
                running = asyncio.create_task(session.run())
                talk = await fake.next_conversation()
                if sends == "websocket.send":
                    await talk.say(warning={"reason": "STT_LOST", "message": "One moment."})
                else:
                    await talk.end(conversation.END_CAUSE_GOODBYE)
                await running
            await talk.hung_up()
        assert [line["event"] for line in logged if line["log_level"] not in {"debug", "info"}] == []
        assert [message["type"] for message in sent] == ["websocket.accept", sends]

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
        monkeypatch.setattr(client_session, "_CLIENT_LIMIT_S", 0.2)
        async with client_that_does_not_read(edge.port):
            talk = await fake.next_conversation()
            for _ in range(200):
                await talk.say(reply_word_spoken={"reply_id": "r1", "text": "x" * 50_000})
            await talk.hung_up()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits how long bytes stay unacknowledged")
    async def test_one_whose_buffers_have_room_is_dropped_too(
        self, serve_edge: EdgeFactory, orchestrator: GrpcServer, fake: FakeConversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A reply in Opus fills them after minutes only."""
        monkeypatch.setattr(server, "_UNREAD_LIMIT_MS", 300)
        async with serve_edge(orchestrator_target=orchestrator.address) as edge, client_that_does_not_read(edge.port):
            talk = await fake.next_conversation()
            await talk.say(reply_word_spoken={"reply_id": "r1", "text": "x" * 30_000})
            await talk.hung_up()

    async def test_their_sockets_are_freed_at_once(
        self, edge: EdgeServer, fake: FakeConversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However much is still to be sent to them."""
        monkeypatch.setattr(client_session, "_CLIENT_LIMIT_S", 0.2)
        async with AsyncExitStack() as clients:
            for _ in range(40):
                await clients.enter_async_context(client_that_does_not_read(edge.port))
            talks = [await fake.next_conversation() for _ in range(40)]
            await asyncio.gather(*(self._overwhelm(talk) for talk in talks))
            async with asyncio.timeout(5):
                while edge._server.server_state.connections:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.05)

    async def _overwhelm(self, talk: Conversation) -> None:
        for _ in range(200):
            await talk.say(reply_word_spoken={"reply_id": "r1", "text": "x" * 50_000})
        await talk.hung_up()


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

    @pytest.mark.unmute("B2")
    async def test_comes_within_50_ms(self, fake: FakeConversation, edge: EdgeServer) -> None:
        fake.refusal = AtCapacity("full", retry_after=2.0, service="stt")
        times = []
        for _ in range(5):
            started = time.monotonic()
            async with client_of(edge.port) as client:
                await client.closed()
            times.append(time.monotonic() - started)
        assert sorted(times)[2] < 0.05

    @pytest.mark.unmute("B2")
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


def own_tasks() -> "set[asyncio.Task[Any]]":
    """All tasks but gRPC's, which come and go."""
    coroutines = ((task, task.get_coro()) for task in asyncio.all_tasks())
    return {
        task for task, each in coroutines if isinstance(each, CoroutineType) and "grpc" not in each.cr_code.co_filename
    }


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

    await drop_in(2)  # by then the edge watches the orchestrator's health
    tasks = own_tasks()
    for _ in range(10):
        await asyncio.gather(*(drop_in(moment % 4) for moment in range(8)))
    async with asyncio.timeout(5):
        while left := own_tasks() - tasks:
            await asyncio.wait(left, return_when=asyncio.FIRST_COMPLETED)
        await fake.idle()
