"""Changing a session that is running."""

import pytest

from mesh.times import duration
from parley.conversation.v1 import conversation_pb2 as pb
from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.harness import Harness

TEXT_REPLIES = pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT)


async def updated(caller: Caller, session: pb.SessionConfig) -> pb.SessionConfig:
    """Change the session and return what it is then."""
    await caller.update(session, request_id="u")
    event = await caller.until_event("session_updated")
    assert event.request_id == "u"
    return event.session_updated.session


async def test_what_is_left_out_stays(harness: Harness) -> None:
    opened = pb.SessionConfig(
        instructions=pb.Instructions(prompt="Be."),
        voice="anna",
        recording_consent=True,
        greeting=True,
        goodbye=True,
        silence_timeout=duration(7),
        pacing_lead=duration(1),
        confirmation_time=duration(0.5),
        turn_mode=pb.TURN_MODE_AUTOMATIC,
        reply_modality=pb.REPLY_MODALITY_TEXT,
        language="pt-BR",
        end_of_turn_delay=duration(0.4),
        eagerness=pb.EAGERNESS_LOW,
        ignore_backchannels=True,
        silence_prompts=5,
        interruption_words=2,
    )
    async with harness.calling(pb.ConverseConfig(session=opened, typed_only=True)) as caller:
        assert caller.received("started")[0].session == opened
        assert await updated(caller, pb.SessionConfig()) == opened


@pytest.mark.parametrize(
    "change",
    [
        pb.SessionConfig(voice=""),
        pb.SessionConfig(recording_consent=False),
        pb.SessionConfig(greeting=False),
        pb.SessionConfig(goodbye=False),
        pb.SessionConfig(silence_timeout=duration(0)),
        pb.SessionConfig(confirmation_time=duration(0)),
        pb.SessionConfig(instructions=pb.Instructions(prompt="")),
        pb.SessionConfig(language=""),
        pb.SessionConfig(end_of_turn_delay=duration(0)),
        pb.SessionConfig(ignore_backchannels=False),
        pb.SessionConfig(silence_prompts=0),
    ],
    ids=lambda change: str(change.ListFields()[0][0].name),
)
async def test_empty_is_not_left_out(harness: Harness, change: pb.SessionConfig) -> None:
    opened = pb.SessionConfig(
        instructions=pb.Instructions(prompt="Be."),
        voice="anna",
        recording_consent=True,
        greeting=True,
        goodbye=True,
        silence_timeout=duration(7),
        confirmation_time=duration(0.5),
        language="en",
        end_of_turn_delay=duration(0.4),
        ignore_backchannels=True,
        silence_prompts=5,
    )
    async with harness.calling(pb.ConverseConfig(session=opened, typed_only=True)) as caller:
        expected = pb.SessionConfig()
        expected.CopyFrom(caller.received("started")[0].session)
        ((changed, _),) = change.ListFields()
        expected.ClearField(changed.name)  # type: ignore[arg-type]  # one of its own
        expected.MergeFrom(change)
        assert await updated(caller, change) == expected


async def test_a_change_holds_from_the_next_reply_on(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_created")).voice == ""
        await updated(caller, pb.SessionConfig(voice="anna", instructions=pb.Instructions(prompt="Be.")))
        await caller.until("reply_finished")
        await caller.say("And?")
        assert (await caller.until("reply_created")).voice == "anna"
        await caller.until("reply_finished")
    assert harness.tts.asked_voices == ["", "anna"]
    assert (await harness.llm.messages(0))[0] == ("user", "Hi!")
    assert (await harness.llm.messages(1))[0] == ("system", "Be.")


async def test_replies_can_fall_silent(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await updated(caller, TEXT_REPLIES)
        await caller.say("Hi!")
        await caller.until("reply_finished")
        assert harness.tts.asked_voices == []
        await updated(caller, pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_SPEECH))
        await caller.say("And?")
        await caller.until("reply_audio")


async def test_a_change_that_cannot_be_changes_nothing(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        before = caller.received("started")[0].session
        await caller.update(pb.SessionConfig(voice="anna", pacing_lead=duration(0)), request_id="bad")
        event = await caller.until_event("request_rejected")
        assert event.request_id == "bad"
        assert event.request_rejected.message == "pacing_lead is 0 s: expected 0.08 s to 60 s"
        assert await updated(caller, pb.SessionConfig()) == before


async def test_a_greeting_that_is_asked_for_late_carries_the_id_of_its_cause(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.play(bytes(3_840))
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == 3_840)
        await caller.update(
            pb.SessionConfig(greeting=True, instructions=pb.Instructions(prompt="Be.")), request_id="greet"
        )
        assert (await caller.until_event("reply_created")).request_id == "greet"
        await caller.until("reply_finished")
    assert await harness.llm.messages(0) == [("system", "Be."), ("user", "Hello!")]
