import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.server import ServerConnection, serve

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from launcher.calling.realtime import BadUrl, RealtimeTransport, realtime_transport
from launcher.calling.transport import (
    CallFailed,
    Event,
    Notice,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    ReplyWord,
    UserSpeechStarted,
    UserWord,
)
from mesh.errors import AtCapacity
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.fakes.conversation import FakeConversation, conversation_server

NOT_OGG = base64.b64encode(b"not audio" * 10).decode()


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture
async def edge(fake: FakeConversation) -> AsyncIterator[EdgeServer]:
    """A real edge before a fake orchestrator."""
    async with conversation_server(fake) as orchestrator:
        settings = EdgeSettings(port=0, orchestrator_target=orchestrator.address, voices_target="127.0.0.1:9")
        async with serving(settings, registry=CollectorRegistry()) as server:
            yield server


def url(edge: EdgeServer) -> str:
    return f"ws://127.0.0.1:{edge.port}"


async def next_events(transport: RealtimeTransport, count: int) -> list[Event]:
    events: list[Event] = []
    async for event in transport.events():
        events.append(event)
        if len(events) == count:
            break
    return events


async def test_what_is_said_arrives_as_sound(fake: FakeConversation, edge: EdgeServer) -> None:
    said = np.rint(8_000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 24_000)).astype(np.int16)
    async with realtime_transport(url(edge)) as transport:
        far_end = await fake.next_conversation()
        update = await far_end.next_request("update")
        assert not update.update.session.HasField("instructions")
        assert update.update.session.recording_consent is False
        for frame in said.reshape(-1, transport.frame_samples):
            await transport.send(frame)
        heard = b"".join([(await far_end.next_request("audio")).audio.audio for _ in range(24)])
    samples = np.frombuffer(heard, "<i2")
    assert len(samples) == 24 * 1_920
    assert 6_000 < np.abs(samples[4_800:]).max() < 10_000


async def test_another_voice_is_asked_for(fake: FakeConversation, edge: EdgeServer) -> None:
    async with realtime_transport(url(edge), voice="en-gb"):
        update = await (await fake.next_conversation()).next_request("update")
        assert update.update.session.voice == "en-gb"


async def test_what_is_heard(fake: FakeConversation, edge: EdgeServer) -> None:
    async with realtime_transport(url(edge)) as transport:
        far_end = await fake.next_conversation()
        await far_end.say(user_word_recognized={"item_id": "i1", "text": "hello"})
        await far_end.say(warning={"reason": "SLOW", "message": "a moment please"})
        await far_end.say(reply_created={"reply_id": "r1", "item_id": "i2"})
        await far_end.say(reply_text_delta={"reply_id": "r1", "text": "Hi"})
        await far_end.say(reply_word_spoken={"reply_id": "r1", "text": "Hi"})
        await far_end.say(reply_released={"reply_id": "r1", "text": "Hi"})
        await far_end.say(reply_created={"reply_id": "r2", "item_id": "i3"})
        await far_end.say(reply_cancelled={"reply_id": "r2", "cause": conversation.CANCEL_CAUSE_SPEECH_DETECTED})
        events = await next_events(transport, 9)  # the silence at the reply's end is one of them
    assert [event for event in events if not isinstance(event, ReplyAudio)] == [
        UserWord("hello"),
        UserSpeechStarted(),
        Notice("a moment please"),
        ReplyStarted(),
        ReplyWord("Hi"),
        ReplyEnded(complete=True),
        ReplyStarted(),
        ReplyEnded(complete=False),
    ]


async def test_the_reply_is_heard(fake: FakeConversation, edge: EdgeServer) -> None:
    spoken = np.rint(8_000 * np.sin(2 * np.pi * 440 * np.arange(9_600) / 24_000)).astype("<i2")
    async with realtime_transport(url(edge)) as transport:
        far_end = await fake.next_conversation()
        for frame in spoken.reshape(-1, 1_920):
            await far_end.say(reply_audio={"reply_id": "r1", "audio": frame.tobytes()})
        events = await next_events(transport, 5)
    samples = np.concatenate([event.samples for event in events if isinstance(event, ReplyAudio)])
    assert 6_000 < np.abs(samples).max() < 10_000


async def test_a_goodbye_ends_the_events(fake: FakeConversation, edge: EdgeServer) -> None:
    async with realtime_transport(url(edge)) as transport:
        await (await fake.next_conversation()).end(conversation.END_CAUSE_GOODBYE)
        assert [event async for event in transport.events()] == []
        for _ in range(3):
            await transport.send(np.zeros(transport.frame_samples, np.int16))


async def test_a_full_mesh_refuses(fake: FakeConversation, edge: EdgeServer) -> None:
    fake.refusal = AtCapacity("every recogniser is taken", retry_after=2.0)
    async with realtime_transport(url(edge)) as transport:
        with pytest.raises(CallFailed, match="try again in 2 s"):
            await next_events(transport, 1)


async def test_nobody_there() -> None:
    with pytest.raises(CallFailed, match=r"ws://127.0.0.1:9 cannot be reached: .*parley up"):
        async with realtime_transport("ws://127.0.0.1:9"):
            pass


@pytest.mark.parametrize("address", ["nonsense", "ftp://127.0.0.1", "ws://127.0.0.1:port"])
async def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(BadUrl, match="expected something like ws:"):
        async with realtime_transport(address):
            pass


@asynccontextmanager
async def an_edge_that_says(message: str) -> AsyncIterator[str]:
    async def say(socket: ServerConnection) -> None:
        await socket.send(message)
        await socket.close(1011, "out of order")

    async with serve(say, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1/realtime"


@pytest.mark.parametrize(
    ("message", "complaint"),
    [
        ("not json", "cannot be understood"),
        ('{"type": "response.audio.delta", "delta": "%%%"}', "cannot be understood"),
        (
            f'{{"type": "response.audio.delta", "delta": "{NOT_OGG}"}}',
            "cannot be understood",
        ),
        ('{"type": "error", "error": {"type": "fatal", "message": "out of order"}}', "out of order"),
        ('{"type": "something.new", "delta": 5}', "closed the connection with code 1011: out of order"),
    ],
)
async def test_trouble_ends_the_call(message: str, complaint: str) -> None:
    async with an_edge_that_says(message) as address, realtime_transport(address) as transport:
        with pytest.raises(CallFailed, match=complaint):
            await next_events(transport, 1)
