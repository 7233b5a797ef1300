"""How things go wrong in Unmute's dialect: each row of its table of errors and close codes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from edge import server
from edge.server import MAX_MESSAGE_BYTES, EdgeServer
from mesh.errors import AtCapacity, InternalError, MeshError, MissingServiceTimeout, UpstreamDown
from mesh.rpc.server import GrpcServer
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.clients import Client, append_event, client_of, client_that_does_not_read
from tests.edge.conftest import EdgeFactory
from tests.edge.sounds import LONGEST_PACKET, opus_stream, page, pages_of
from tests.fakes.conversation import Conversation, FakeConversation

UPDATE = '{"type": "session.update", "session": {"allow_recording": false}}'
HEAD, TAGS, *AUDIO = pages_of(opus_stream(0.8))


async def error_of(client: Client) -> dict[str, Any]:
    event = await client.next_event()
    assert event["type"] == "error"
    error: dict[str, Any] = event["error"]
    assert list(error) == ["type", "code", "message", "param", "details"]
    assert (error["code"], error["param"]) == (None, None)
    return error


def update(**session: Any) -> str:
    return json.dumps({"type": "session.update", "session": {"allow_recording": False, **session}})


INVALID: dict[str, str | bytes] = {
    "bad JSON": "{",
    "no JSON": "nonsense",
    "an empty frame": "",
    "not an object": "[1]",
    "NaN": '{"type": "unmute.input_audio_buffer.append_anonymized", "number_of_samples": NaN}',
    "a lone surrogate": '{"type": "session.update", "session": {"allow_recording": true, "voice": "\\ud800"}}',
    "a hundred thousand brackets": "[" * 100_000 + "]" * 100_000,
    "a hundred thousand brackets in a field": '{"type": "session.update", "x": ' + "[" * 100_000,
    "no type": "{}",
    "a type of a megabyte": json.dumps({"type": "x" * (MAX_MESSAGE_BYTES - 100)}),
    "a second type": '{"type": "session.update", "session": {"allow_recording": true}, "type": "response.create"}',
    "a binary frame": UPDATE.encode(),
    "OpenAI's commit": '{"type": "input_audio_buffer.commit"}',
    "OpenAI's response.create": '{"type": "response.create"}',
    "OpenAI's response.cancel": '{"type": "response.cancel"}',
    "a server's event": '{"type": "response.audio.done"}',
    "no session": '{"type": "session.update"}',
    "no consent": '{"type": "session.update", "session": {"voice": null}}',
    "consent that is neither": update(allow_recording="perhaps"),
    "consent that is null": update(allow_recording=None),
    "a voice that is a number": update(voice=1),
    "a voice of half a megabyte": update(voice="v" * 500_000),
    "instructions without a type": update(instructions={"language": "en"}),
    "an unknown character": update(instructions={"type": "pirate"}),
    "an unknown language": update(instructions={"type": "smalltalk", "language": "de"}),
    "samples that are no number": '{"type": "unmute.input_audio_buffer.append_anonymized", "number_of_samples": "x"}',
    "no audio": '{"type": "input_audio_buffer.append"}',
    "bad base64": '{"type": "input_audio_buffer.append", "audio": "%%%"}',
    "five bytes": append_event(b"12345"),
    "six bytes with Unmute's flag": append_event(b"12345\x02"),
    "PCM": append_event(bytes(3_840)),
    "another codec": append_event(page(b"\x01vorbis", flags=2)),
    "a damaged page": append_event(HEAD[:-1] + b"\xff"),
}


class TestTheSessionGoesOn:
    @pytest.mark.unmute("C11", "S7", "B4", "S3", "B5")
    @pytest.mark.parametrize("message", INVALID.values(), ids=INVALID)
    async def test_after_an_invalid_message(self, client: Client, talk: Conversation, message: str | bytes) -> None:
        await client.websocket.send(message)
        error = await error_of(client)
        assert error["type"] == "invalid_request_error"
        assert len(error["message"]) < 500
        [detail] = error["details"]
        assert list(detail) == ["type", "loc", "msg"]
        assert len(detail["msg"]) < 500
        await client.append(b"".join([HEAD, TAGS, *AUDIO]))
        assert (await talk.next_request()).HasField("audio")

    @pytest.mark.unmute("S7")
    async def test_audio_much_faster_than_real_time_is_dropped_with_one_warning(
        self, client: Client, talk: Conversation
    ) -> None:
        """Ten seconds at once are taken, and then twice real time."""
        await client.append(HEAD + TAGS)
        five_seconds = page(*[LONGEST_PACKET] * 41)
        for _ in range(8):
            await client.append(five_seconds)
        error = await error_of(client)
        assert (error["type"], error["details"]) == ("warning", None)
        assert "a part of it was dropped" in error["message"]
        await client.websocket.send(UPDATE)
        update = await talk.next_request("update")
        await talk.say(update.request_id, session_updated={})
        assert (await client.next_event())["type"] == "session.updated"

    @pytest.mark.unmute("C11", "S7")
    async def test_while_a_voice_is_looked_for(self, client: Client, talk: Conversation) -> None:
        await talk.say(warning={"reason": "TTS_NOT_FOUND", "message": "I am looking for my voice."})
        assert (await error_of(client))["type"] == "warning"
        await client.websocket.send(UPDATE)
        await talk.next_request("update")


class TestTheSessionIsOver:
    @pytest.mark.unmute("C11", "S7", "B2")
    @pytest.mark.parametrize("service", ["speech recognition", "speech synthesis"])
    async def test_for_want_of_capacity(self, edge: EdgeServer, fake: FakeConversation, service: str) -> None:
        """Unmute closes with 1011; 1013 says that it makes sense to come back, and the reason says when."""
        fake.refusal = AtCapacity("full", retry_after=2.0, service=service)
        async with client_of(edge.port) as client:
            error = await error_of(client)
            words = f"Every {service} is taken. Please try again in 2 s."
            assert (error["type"], error["message"]) == ("fatal", words)
            assert error["details"] == {"reason": "AT_CAPACITY", "service": service, "retry_after": 2.0}
            assert await client.closed() == (1013, words)

    @pytest.mark.unmute("C11", "S7")
    async def test_when_a_service_does_not_answer(self, edge: EdgeServer, fake: FakeConversation) -> None:
        fake.refusal = MissingServiceTimeout.of("speech recognition")
        async with client_of(edge.port) as client:
            error = await error_of(client)
            assert (error["type"], error["message"]) == ("fatal", "No speech recognition can be reached.")
            assert error["details"]["service"] == "speech recognition"
            assert await client.closed() == (1011, error["message"])

    @pytest.mark.unmute("C11", "S7")
    @pytest.mark.parametrize("error", [UpstreamDown("secret"), InternalError(), None])
    async def test_when_the_conversation_fails(
        self, client: Client, talk: Conversation, error: MeshError | None
    ) -> None:
        """In generic words, that is to say without what only concerns whoever runs it."""
        talk.fail(error)
        told = await error_of(client)
        assert told["type"] == "fatal"
        assert "secret" not in json.dumps(told)
        assert await client.closed() == (1011, told["message"])

    @pytest.mark.unmute("C11", "S7")
    async def test_after_a_goodbye_without_a_word(self, client: Client, talk: Conversation) -> None:
        await talk.end(conversation.END_CAUSE_GOODBYE)
        with pytest.raises(ConnectionClosed):
            await client.next_event()
        assert await client.closed() == (1000, "")

    @pytest.mark.unmute("C11", "S7")
    @pytest.mark.parametrize("code", [1000, 1001, 3000])
    async def test_when_the_client_closes(self, client: Client, talk: Conversation, code: int) -> None:
        await client.websocket.close(code)
        await talk.hung_up()
        assert (await client.closed())[0] == code

    @pytest.mark.unmute("S7")
    async def test_after_a_message_of_more_than_a_megabyte(self, client: Client, talk: Conversation) -> None:
        await client.websocket.send("x" * (MAX_MESSAGE_BYTES + 1))
        assert (await client.closed())[0] == 1009
        await talk.hung_up()

    @pytest.mark.unmute("S7")
    async def test_after_text_that_is_not_utf_8(self, client: Client, talk: Conversation) -> None:
        await client.websocket.send(b'{"type": "\xff"}', text=True)
        assert (await client.closed())[0] == 1007
        await talk.hung_up()

    @pytest.mark.unmute("S7", "S1")
    async def test_when_a_ping_is_not_answered(
        self,
        orchestrator: GrpcServer,
        fake: FakeConversation,
        serve_edge: EdgeFactory,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(server, "_PING_EVERY_S", 0.1)
        monkeypatch.setattr(server, "_PONG_LIMIT_S", 0.1)
        async with (
            serve_edge(orchestrator_target=orchestrator.address) as edge,
            client_of(edge.port) as answering,
        ):
            await fake.next_conversation()
            async with client_that_does_not_read(edge.port) as stuck:
                await (await fake.next_conversation()).hung_up()
                stuck.websocket.transport.resume_reading()
                assert (await stuck.closed())[0] == 1011
            await answering.websocket.send("nonsense")
            assert (await error_of(answering))["type"] == "invalid_request_error"


class TestHealth:
    """What is known to be down is told in a `fatal` error before the close; nothing else is contacted."""

    @pytest.fixture
    async def ill(self, orchestrator: GrpcServer, serve_edge: EdgeFactory, down: str) -> AsyncIterator[EdgeServer]:
        await orchestrator.health.set(down, serving=False)
        async with serve_edge(orchestrator_target=orchestrator.address) as edge:
            yield edge

    @pytest.mark.unmute("C11", "S7", "B3")
    @pytest.mark.parametrize(
        ("down", "reason"),
        [
            ("tts", "tts_up=False stt_up=True llm_up=True voice_cloning_up=False ok=False"),
            ("stt", "tts_up=True stt_up=False llm_up=True voice_cloning_up=False ok=False"),
            ("llm", "tts_up=True stt_up=True llm_up=False voice_cloning_up=False ok=False"),
        ],
    )
    async def test_what_is_down_is_named(self, ill: EdgeServer, fake: FakeConversation, reason: str) -> None:
        async with client_of(ill.port, subprotocols=["realtime"]) as client:
            error = await error_of(client)
            assert (error["type"], error["message"]) == ("fatal", f"Server is not healthy: {reason}")
            assert error["details"] == {"reason": "UNHEALTHY", "service": None, "retry_after": None}
            assert await client.closed() == (1011, f"Server is not healthy: {reason}")
        assert fake.admitted == 0

    @pytest.mark.parametrize("down", ["llm"])
    async def test_the_next_client_is_served_once_it_is_up(
        self, ill: EdgeServer, orchestrator: GrpcServer, fake: FakeConversation
    ) -> None:
        async with client_of(ill.port) as client:
            assert (await client.closed())[0] == 1011
        await orchestrator.health.set("llm", serving=True)
        async with client_of(ill.port):
            await fake.next_conversation()

    async def test_what_goes_down_is_noticed(self, edge: EdgeServer, orchestrator: GrpcServer) -> None:
        async def code() -> int | None:
            async with client_of(edge.port) as client:
                await client.websocket.send("nonsense")
                if (await error_of(client))["type"] == "fatal":
                    return (await client.closed())[0]
                return None

        assert await code() is None
        await orchestrator.health.set("tts", serving=False)
        async with asyncio.timeout(10):
            while await code() != 1011:  # noqa: ASYNC110 - only a client finds out
                await asyncio.sleep(0.2)

    async def test_cloning_is_not_needed_for_a_conversation(self, talk: Conversation) -> None:
        """There is no voice service in these tests."""
        assert talk.config.session.greeting

    @pytest.mark.parametrize("down", ["llm"])
    async def test_parleys_own_dialect_asks_for_the_conversation_itself(
        self, ill: EdgeServer, fake: FakeConversation
    ) -> None:
        async with client_of(ill.port, "/v1/converse") as client:
            await client.send(config={})
            await fake.next_conversation()

    async def test_of_what_nobody_tells_nothing_is_known(self, serve_edge: EdgeFactory) -> None:
        """An edge that cannot reach its orchestrator does not know, and says what it cannot reach."""
        async with serve_edge() as edge, client_of(edge.port) as client:
            assert (await error_of(client))["message"] == "No orchestrator can be reached."
            assert await client.closed() == (1011, "No orchestrator can be reached.")
