from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from grpc.aio import ServicerContext

from launcher.calling.converse import FORMATS, ConverseTransport, converse_transport
from launcher.calling.transport import (
    CallFailed,
    Event,
    Notice,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    ReplyWord,
    Samples,
    UserSpeechStarted,
    UserTurnDiscarded,
    UserWord,
)
from mesh.audio import Decoder, Encoder, negotiate
from mesh.errors import AtCapacity, VoiceNotFound
from mesh.rpc.server import GrpcServer
from mesh.rpc.streams import first_request
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.fakes.conversation import Conversation, FakeConversation, conversation_server


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture
async def server(fake: FakeConversation) -> AsyncIterator[GrpcServer]:
    async with conversation_server(fake) as server:
        yield server


TONE: Samples = np.rint(8_000 * np.sin(2 * np.pi * 440 * np.arange(1_920 * 10) / 24_000)).astype(np.int16)

SPOKEN = conversation.ConverseConfig(
    session=conversation.SessionConfig(reply_modality=conversation.REPLY_MODALITY_SPEECH)
)
WRITTEN = conversation.ConverseConfig(
    typed_only=True, session=conversation.SessionConfig(reply_modality=conversation.REPLY_MODALITY_TEXT)
)


async def next_events(transport: ConverseTransport, count: int) -> list[Event]:
    events: list[Event] = []
    async for event in transport.events():
        events.append(event)
        if len(events) == count:
            break
    return events


async def test_what_is_heard(fake: FakeConversation, server: GrpcServer) -> None:
    async with converse_transport(server.address, SPOKEN) as transport:
        far_end = await fake.next_conversation()
        await far_end.say(user_speech_started={"item_id": "i1"})
        await far_end.say(user_turn_discarded={"item_id": "i1"})
        await far_end.say(user_word_recognized={"item_id": "i2", "text": "hello"})
        await far_end.say(user_partial_transcript={"text": "my"})
        await far_end.say(warning={"reason": "SLOW", "message": "a moment please"})
        await far_end.say(reply_created={"reply_id": "r1"})
        await far_end.say(reply_text_delta={"reply_id": "r1", "text": "Hi"})
        await far_end.say(reply_word_spoken={"reply_id": "r1", "text": "Hi"})
        await far_end.say(reply_cancelled={"reply_id": "r1", "cause": conversation.CANCEL_CAUSE_WORD_RECOGNIZED})
        await far_end.say(reply_finished={"reply_id": "r2"})
        assert await next_events(transport, 8) == [
            UserSpeechStarted(),
            UserTurnDiscarded(),
            UserWord("hello"),
            Notice("a moment please"),
            ReplyStarted(),
            ReplyWord("Hi"),
            ReplyEnded(complete=False),
            ReplyEnded(complete=True),
        ]


async def test_a_written_reply_is_read_as_it_is_written(fake: FakeConversation, server: GrpcServer) -> None:
    async with converse_transport(server.address, WRITTEN) as transport:
        await transport.type("hello")
        await transport.finish()
        far_end = await fake.next_conversation()
        assert (await far_end.next_request()).text.text == "hello"
        assert (await far_end.next_request()).HasField("finish")
        await far_end.say(reply_text_delta={"reply_id": "r1", "text": "Hi"})
        await far_end.say(reply_finished={"reply_id": "r1"})
        await far_end.end(conversation.END_CAUSE_FINISHED)
        assert [event async for event in transport.events()] == [ReplyWord("Hi"), ReplyEnded(complete=True)]


class Converting(FakeConversation):
    """Answers the formats it is offered, as the contract wants, and says back what it hears."""

    async def Converse(  # type: ignore[override]  # noqa: N802 - gRPC's name; its types know only synchronous servicers
        self,
        requests: AsyncIterator[conversation.ConverseRequest],
        context: "ServicerContext[conversation.ConverseRequest, conversation.ConverseResponse]",
    ) -> None:
        config = (await first_request(requests)).config
        far_end = Conversation(config, context)
        formats = {"input_format": negotiate(config.input_format), "output_format": negotiate(config.output_format)}
        await far_end.say(started=formats)
        decoder, encoder = Decoder(formats["input_format"]), Encoder(formats["output_format"])
        async for request in requests:
            await far_end.say(reply_audio={"audio": encoder.encode(decoder.decode(request.audio.audio))})


@pytest.mark.parametrize("name", FORMATS)
async def test_audio_travels_in_any_format(name: str) -> None:
    config = conversation.ConverseConfig(input_format=FORMATS[name], output_format=FORMATS[name])
    said = TONE
    async with conversation_server(Converting()) as server, converse_transport(server.address, config) as transport:
        for frame in said.reshape(-1, transport.frame_samples):
            await transport.send(frame)
        heard = await next_events(transport, 10)
    samples = np.concatenate([event.samples for event in heard if isinstance(event, ReplyAudio)])
    assert len(samples) == len(said)
    assert abs(np.abs(samples).max() - 8_000) < 400
    assert np.argmax(np.abs(np.fft.rfft(samples))) * 24_000 / len(samples) == pytest.approx(440, abs=2)


async def test_nobody_there() -> None:
    with pytest.raises(CallFailed, match=r"no orchestrator can be reached at 127.0.0.1:9\b.*parley up"):
        async with converse_transport("127.0.0.1:9", SPOKEN):
            pass


async def test_a_target_that_is_none() -> None:
    with pytest.raises(CallFailed, match="'nowhere' is not host:port"):
        async with converse_transport("nowhere", SPOKEN):
            pass


async def test_a_full_mesh_says_when_to_come_back(fake: FakeConversation, server: GrpcServer) -> None:
    fake.refusal = AtCapacity("every recogniser is taken", retry_after=2.0)
    with pytest.raises(CallFailed, match="taken; try again in 2 s"):
        async with converse_transport(server.address, SPOKEN):
            pass


async def test_a_refusal_is_told(fake: FakeConversation, server: GrpcServer) -> None:
    fake.refusal = VoiceNotFound("no voice is called Bob")
    with pytest.raises(CallFailed, match="no voice is called Bob"):
        async with converse_transport(server.address, SPOKEN):
            pass


@pytest.mark.parametrize(
    ("event", "complaint"),
    [
        ({"reply_cancelled": {"cause": conversation.CANCEL_CAUSE_FAILED}}, "the reply failed"),
        ({"request_rejected": {"reason": "BAD_REQUEST", "message": "the text is empty"}}, "the text is empty"),
    ],
)
async def test_what_cannot_go_on_ends_the_call(
    fake: FakeConversation, server: GrpcServer, event: dict[str, Any], complaint: str
) -> None:
    async with converse_transport(server.address, SPOKEN) as transport:
        await (await fake.next_conversation()).say(**event)
        with pytest.raises(CallFailed, match=complaint):
            await next_events(transport, 1)
