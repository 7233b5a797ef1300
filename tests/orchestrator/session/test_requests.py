"""What a client asks for besides speaking and typing."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mesh.errors import InvalidRequest, MissingServiceAtCapacity
from mesh.times import duration
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, TYPED
from tests.orchestrator.harness import Harness, open_harness

CANCEL = pb.ConverseRequest(request_id="stop", cancel_reply=pb.CancelReplyRequest())


def saying(text: str) -> pb.ConverseRequest:
    return pb.ConverseRequest(request_id="say", say=pb.SayRequest(text=text))


async def test_a_reply_is_cancelled_at_the_clients_wish(harness: Harness) -> None:
    harness.tts.script = spoken(10)
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        for _ in range(3):
            await caller.until("reply_word_spoken")
        await caller.send(CANCEL)
        event = await caller.until_event("reply_cancelled")
        assert event.request_id == "stop"
        assert event.reply_cancelled.cause == pb.CANCEL_CAUSE_REQUESTED
        assert event.reply_cancelled.heard_text.startswith("Well, hello")
        await harness.tts.slots.until_open(0)
        await harness.llm.slots.until_open(0)
        await caller.send(CANCEL)  # nothing is left to cancel
        await caller.say("And now?")
        assert (await caller.until("reply_finished")).reply_id == "reply_2"


async def test_only_the_reply_that_is_named_is_cancelled(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_created")
        await caller.send(pb.ConverseRequest(cancel_reply=pb.CancelReplyRequest(reply_id="reply_9")))
        await caller.until("reply_finished")
        assert not caller.received("reply_cancelled")


async def test_a_given_text_is_spoken_without_the_model(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.send(saying("Your call is important to us."))
        created = await caller.until_event("reply_created")
        assert created.request_id == "say"
        finished = await caller.until("reply_finished")
        assert finished.text == "Your call is important to us."
        assert not harness.llm.requests
        assert harness.tts.speakings[0].texts
        await caller.say("Oh?")
        await caller.until("reply_finished")
    assert [each["content"] for each in harness.llm.requests[0]["messages"]][-2:] == [
        "Your call is important to us.",
        "Oh?",
    ]


@pytest.mark.parametrize("text", ["", "  ", "x" * 10_001])
async def test_a_text_that_cannot_be_said_is_rejected(harness: Harness, text: str) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.send(saying(text))
        event = await caller.until_event("request_rejected")
        assert (event.request_id, event.request_rejected.reason) == ("say", "BAD_REQUEST")


async def test_push_to_talk(harness: Harness) -> None:
    session = pb.SessionConfig(turn_mode=pb.TURN_MODE_MANUAL)
    async with harness.calling(pb.ConverseConfig(session=session)) as caller:
        assert caller.received("started")[0].session.turn_mode == pb.TURN_MODE_MANUAL
        await caller.play(SPEECH, SPEECH, *[SILENCE] * 10)
        hearing = await harness.stt.hearing()
        hearing.word("Hello")
        await caller.until("user_word_recognized")
        assert not hearing.flushes
        await caller.send(pb.ConverseRequest(commit_turn=pb.CommitTurnRequest()))
        assert (await caller.until("user_turn_ended")).text == "Hello"
        await caller.until("reply_finished")


HISTORY = [
    pb.HistoryItem(role=pb.HISTORY_ROLE_USER, text="I am Ann."),
    pb.HistoryItem(role=pb.HISTORY_ROLE_ASSISTANT, text="Hello, Ann.", item_id="old"),
]


async def test_the_model_is_shown_the_history(harness: Harness) -> None:
    async with harness.calling(pb.ConverseConfig(typed_only=True, history=HISTORY)) as caller:
        await caller.say("Who am I?")
        await caller.until("reply_finished")
    messages = [(each["role"], each["content"]) for each in harness.llm.requests[0]["messages"]]
    assert messages[-3:] == [("user", "I am Ann."), ("assistant", "Hello, Ann."), ("user", "Who am I?")]


@pytest.mark.parametrize(
    ("config", "field"),
    [
        (pb.ConverseConfig(history=[pb.HistoryItem(text="Hi.")]), "config.history[0].role"),
        (pb.ConverseConfig(history=[*HISTORY, pb.HistoryItem(role=pb.HISTORY_ROLE_USER)]), "config.history[2].text"),
        (pb.ConverseConfig(history=[HISTORY[0]] * 1_001), "config.history"),
        (
            pb.ConverseConfig(history=[pb.HistoryItem(role=pb.HISTORY_ROLE_USER, text="x" * 9_000)] * 23),
            "config.history",
        ),
        (pb.ConverseConfig(metadata={"a key": "x"}), "config.metadata"),
        (pb.ConverseConfig(metadata={"key": "x" * 257}), "config.metadata.key"),
        (pb.ConverseConfig(metadata={str(number): "" for number in range(17)}), "config.metadata"),
    ],
)
async def test_what_cannot_be_brought_is_refused(harness: Harness, config: pb.ConverseConfig, field: str) -> None:
    async with harness.dialled() as caller:
        await caller.send(pb.ConverseRequest(config=config))
        error = await caller.failure()
        assert isinstance(error, InvalidRequest)
        assert error.field == field


async def test_metadata_is_in_the_log_and_in_the_recording(tmp_path: Path) -> None:
    session = pb.SessionConfig(recording_consent=True)
    config = pb.ConverseConfig(session=session, typed_only=True, history=HISTORY, metadata={"call": "4711"})
    with capture_logs() as logged:
        async with open_harness(recordings_folder=str(tmp_path)) as harness, harness.calling(config) as caller:
            await caller.finish()
            await caller.to_end()
    (admitted,) = [line for line in logged if line["event"] == "conversation admitted"]
    assert admitted["metadata"] == {"call": "4711"}
    (recording,) = tmp_path.rglob("*.jsonl")  # noqa: ASYNC240 - nothing else runs
    lines = [json.loads(line) for line in recording.read_text().splitlines()]
    assert lines[0]["metadata"] == {"call": "4711"}
    assert [line["event"]["type"] for line in lines if line.get("event")][:2] == ["SessionConfigured", "HistoryGiven"]


async def test_typed_conversations_are_limited_and_spoken_ones_go_on() -> None:
    async with open_harness(typed_capacity=2) as harness, harness.calling(TYPED), harness.calling(TYPED) as second:
        async with harness.dialled() as third:
            await third.send(pb.ConverseRequest(config=TYPED))
            error = await third.failure()
            assert isinstance(error, MissingServiceAtCapacity)
            assert error.retry_after == pytest.approx(5.0)
        async with harness.calling() as spoken_one:
            await spoken_one.update(pb.SessionConfig(silence_timeout=duration(5)))
            await spoken_one.until("session_updated")
        await second.finish()
        await second.to_end()
        async with harness.calling(TYPED) as fourth:
            await fourth.say("Hi!")
            await fourth.until("reply_finished")
