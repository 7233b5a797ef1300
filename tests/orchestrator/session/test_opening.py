"""The first message, and what comes before `started`."""

import asyncio

import grpc
import pytest

from mesh.errors import (
    BadAudioFormat,
    ConfigRequired,
    Idle,
    InvalidRequest,
    MeshError,
    MissingServiceAtCapacity,
    MissingServiceTimeout,
)
from mesh.times import duration
from parley.audio.v1 import audio_pb2
from parley.conversation.v1 import conversation_pb2 as pb
from tests.mesh.http2 import DATA, HEADERS, answer_frames
from tests.orchestrator.caller import TYPED, name_of
from tests.orchestrator.harness import Harness

PCM_11K = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=11_025)
MULAW_16K = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW, sample_rate_hertz=16_000)


async def refusal(harness: Harness, request: pb.ConverseRequest) -> MeshError:
    async with harness.dialled() as caller:
        await caller.send(request)
        return await caller.failure()


async def test_started_tells_what_has_been_agreed(harness: Harness) -> None:
    async with harness.dialled() as caller:
        await caller.send(pb.ConverseRequest(request_id="open", config=pb.ConverseConfig()))
        event = await caller.until_event("started")
        assert event.request_id == "open"
        started = event.started
        hearing = await harness.stt.hearing()
        working = audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=24_000)
        assert started.input_format == started.output_format == working
        assert started.session_id == hearing.config.session_id
        assert len(started.session_id) == 16
        assert started.session.pacing_lead == duration(0.32)
        assert not started.session.HasField("instructions")


async def test_what_is_given_is_shown_in_started(harness: Harness) -> None:
    given = pb.SessionConfig(
        instructions=pb.Instructions(prompt="Be."), voice="anna", goodbye=True, silence_timeout=duration(7)
    )
    async with harness.calling(pb.ConverseConfig(session=given, typed_only=True)) as caller:
        (started,) = caller.received("started")
        assert started.session.instructions.prompt == "Be."
        assert started.session.voice == "anna"
        assert started.session.goodbye
        assert started.session.silence_timeout == duration(7)
        assert not started.session.greeting


async def test_each_conversation_has_an_id_of_its_own(harness: Harness) -> None:
    async with harness.calling() as one, harness.calling() as other:
        assert one.received("started")[0].session_id != other.received("started")[0].session_id


async def test_who_types_takes_no_recogniser(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        assert not caller.received("started")[0].HasField("input_format")
        await caller.say("Hi!")
        await caller.until("reply_finished")
        assert harness.stt.hearings == []


@pytest.mark.parametrize(
    "request_",
    [
        pb.ConverseRequest(text=pb.UserText(text="Hi!")),
        pb.ConverseRequest(audio=pb.UserAudio(audio=b"ab")),
        pb.ConverseRequest(finish=pb.ConverseFinish()),
        pb.ConverseRequest(),
    ],
    ids=lambda request: request.WhichOneof("request") or "nothing",
)
async def test_the_first_message_must_be_config(harness: Harness, request_: pb.ConverseRequest) -> None:
    error = await refusal(harness, request_)
    assert type(error) is ConfigRequired
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.field == "config"
    assert harness.stt.hearings == []


async def test_no_message_at_all_is_no_config(harness: Harness) -> None:
    async with harness.dialled() as caller:
        await caller.hang_up()
        assert type(await caller.failure()) is ConfigRequired


async def test_who_says_nothing_is_not_waited_for(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh.rpc.streams.first_request.__defaults__", ("config", 0.05))
    async with harness.dialled() as caller:
        assert type(await caller.failure()) is Idle


@pytest.mark.parametrize(
    ("config", "kind", "field"),
    [
        (pb.ConverseConfig(input_format=PCM_11K), BadAudioFormat, "config.input_format"),
        (pb.ConverseConfig(output_format=MULAW_16K), BadAudioFormat, "config.output_format"),
        (
            pb.ConverseConfig(session=pb.SessionConfig(pacing_lead=duration(61))),
            InvalidRequest,
            "config.session.pacing_lead",
        ),
        (
            pb.ConverseConfig(session=pb.SessionConfig(instructions=pb.Instructions(character=pb.Character(kind="x")))),
            InvalidRequest,
            "config.session.instructions",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_config_that_cannot_be_is_refused(
    harness: Harness, config: pb.ConverseConfig, kind: type[MeshError], field: str
) -> None:
    error = await refusal(harness, pb.ConverseRequest(config=config))
    assert type(error) is kind
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    assert error.field == field
    assert harness.stt.hearings == []


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (pb.ConverseRequest(request_id="r", config=pb.ConverseConfig()), "only once"),
        (pb.ConverseRequest(request_id="r"), "an empty request"),
    ],
    ids=["a second config", "nothing"],
)
async def test_a_conversation_survives(harness: Harness, request_: pb.ConverseRequest, message: str) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.send(request_)
        event = await caller.until_event("request_rejected")
        assert event.request_id == "r"
        assert event.request_rejected.reason == "BAD_REQUEST"
        assert message in event.request_rejected.message
        await caller.say("Hi!")
        await caller.until("reply_finished")


async def test_nothing_may_follow_finish(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.finish()
        await caller.say("One more thing!", request_id="late")
        event = await caller.until_event("request_rejected")
        assert event.request_id == "late"
        assert "nothing may follow finish" in event.request_rejected.message
        assert (await caller.to_end())[-2:] == ["reply_finished", "conversation_ended"]
    assert len(harness.llm.requests) == 1


async def test_one_too_many_is_refused_at_once(harness: Harness) -> None:
    harness.stt.slots.capacity = 1
    harness.stt.slots.retry_after = 2.5
    clock = asyncio.get_running_loop().time
    async with harness.calling() as admitted:
        took = []
        for _ in range(5):
            asked = clock()
            error = await refusal(harness, pb.ConverseRequest(config=pb.ConverseConfig()))
            took.append(clock() - asked)
            assert type(error) is MissingServiceAtCapacity
            assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (error.reason, error.service, error.retry_after) == ("AT_CAPACITY", "speech recognition", 2.5)
        assert sorted(took)[2] < 0.05
        await admitted.say("Hi!")
        await admitted.until("reply_finished")
    await harness.until_empty()
    async with harness.calling() as next_one:
        assert [name_of(event) for event in next_one.events] == ["started"]


async def test_a_refusal_is_trailers_only(harness: Harness) -> None:
    """So that the caller's gRPC, too, knows that it may try another replica."""
    harness.stt.slots.capacity = 0
    path = "/parley.conversation.v1.ConversationService/Converse"
    request = pb.ConverseRequest(config=pb.ConverseConfig()).SerializeToString()
    frames = await answer_frames(harness.server.port, path, request)
    assert [frame.kind for frame in frames] == [HEADERS]
    harness.stt.slots.capacity = None
    frames = await answer_frames(harness.server.port, path, request)
    assert [frame.kind for frame in frames] == [HEADERS, DATA, HEADERS]


async def test_without_a_recogniser_there_is_no_conversation(harness: Harness) -> None:
    await harness.stt_server.__aexit__(None, None, None)
    error = await refusal(harness, pb.ConverseRequest(config=pb.ConverseConfig()))
    assert type(error) is MissingServiceTimeout
    assert error.code is grpc.StatusCode.UNAVAILABLE
    assert (error.reason, error.service) == ("UPSTREAM_DOWN", "speech recognition")
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
