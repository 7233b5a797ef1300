"""Typed turns, from the request to the end of the reply."""

from collections.abc import AsyncGenerator

import pytest

from mesh.audio import FRAME_BYTES, FRAME_S
from mesh.times import duration, seconds
from parley.conversation.v1 import conversation_pb2 as pb
from parley.tts.v1.tts_pb2 import SynthesizeResponse
from tests.fakes.llm import written
from tests.fakes.tts import Speaking, spoken
from tests.orchestrator.caller import TYPED, name_of
from tests.orchestrator.harness import Harness, open_harness

TEXT_ONLY = pb.ConverseConfig(session=pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT), typed_only=True)


async def test_a_typed_turn_is_answered_aloud(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        await caller.finish()
        await caller.to_end()
    assert caller.names(without="reply_audio") == [
        "started",
        "user_turn_ended",
        "reply_created",
        *["reply_text_delta"] * 3,
        "reply_text_done",
        *["reply_word_spoken"] * 3,
        "reply_released",
        "reply_finished",
        "conversation_ended",
    ]
    (turn,) = caller.received("user_turn_ended")
    (created,) = caller.received("reply_created")
    assert (turn.item_id, turn.text, turn.cause) == ("item_1", "Hi!", pb.SPEECH_CAUSE_TYPED)
    assert (created.reply_id, created.item_id, created.voice) == ("reply_1", "item_2", "")
    assert [each.text for each in caller.received("reply_text_delta")] == ["Well,", " hello", " there."]
    assert [each.text for each in caller.received("reply_word_spoken")] == ["Well,", "hello", "there."]
    texts = [caller.received(name)[0].text for name in ("reply_text_done", "reply_released", "reply_finished")]
    assert texts == ["Well, hello there."] * 3
    assert caller.received("conversation_ended")[0].cause == pb.END_CAUSE_FINISHED


async def test_the_audio_is_what_was_synthesised_in_whole_frames(harness: Harness) -> None:
    harness.tts.script = spoken(3)
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    assert caller.audio("reply_1") == bytes(harness.tts.speakings[0].audio)
    frames = caller.received("reply_audio")
    assert all(len(each.audio) % FRAME_BYTES == 0 for each in frames)
    at = 0.0
    for each in frames:
        assert seconds(each.start_offset) == pytest.approx(at)
        at += len(each.audio) / FRAME_BYTES * FRAME_S
    assert caller.received("reply_released")[0].audio_duration == duration(9 * FRAME_S)


async def test_only_the_end_of_a_reply_is_no_whole_frame(harness: Harness) -> None:
    async def uneven(speaking: Speaking) -> AsyncGenerator[SynthesizeResponse, None]:
        async for _ in speaking.words():
            yield speaking.samples(bytes(range(200)) * 10)
        yield speaking.finished()

    harness.tts.script = uneven
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    assert caller.audio("reply_1") == bytes(range(200)) * 30
    assert [len(each.audio) % FRAME_BYTES for each in caller.received("reply_audio")][-1] == 6_000 % FRAME_BYTES


async def test_what_a_request_causes_carries_its_id(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!", request_id="r1")
        await caller.until("reply_finished")
        await caller.finish(request_id="r2")
        await caller.to_end()
    carrying = {(event.request_id, name_of(event)) for event in caller.events if event.HasField("request_id")}
    assert carrying == {("r1", "user_turn_ended"), ("r1", "reply_created"), ("r2", "conversation_ended")}


async def test_what_is_due_anyway_carries_no_id(harness: Harness) -> None:
    """However often somebody asks for something in the middle of a reply."""
    harness.llm.script = written(*(f"word{number} " for number in range(10)))
    harness.tts.script = spoken(1)
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        while caller.names().count("reply_word_spoken") < 10:
            await caller.update(pb.SessionConfig(), request_id="u")
            await caller.next()
        await caller.until("reply_finished")
    carrying = {name_of(event) for event in caller.events if event.HasField("request_id")}
    assert carrying == {"session_updated"}


async def test_an_empty_request_id_is_an_id(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!", request_id="")
        event = await caller.until_event("user_turn_ended")
        assert event.HasField("request_id")


async def test_the_model_is_shown_the_conversation(harness: Harness) -> None:
    session = pb.SessionConfig(instructions=pb.Instructions(prompt="Be."))
    async with harness.calling(pb.ConverseConfig(session=session, typed_only=True)) as caller:
        await caller.say("  Hi!  ")
        await caller.until("reply_finished")
        await caller.say("And?")
        await caller.until("reply_finished")
    first, second = harness.llm.requests
    assert (first["temperature"], second["temperature"]) == (0.7, 0.3)
    assert first["model"] == "fake/small-talk"
    assert await harness.llm.messages(1) == [
        ("system", "Be."),
        ("user", "Hi!"),
        ("assistant", "Well, hello there."),
        ("user", "And?"),
    ]


async def test_the_synthesis_is_given_what_is_written(harness: Harness) -> None:
    harness.llm.script = written("**Yes** ", "— ", "🙂 ", "don’t.")  # noqa: RUF001 - curly on purpose
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    assert harness.tts.speakings[0].texts == ["**Yes**", "—", "🙂", "don’t."]  # noqa: RUF001 - curly on purpose
    assert caller.received("reply_text_done")[0].text == "**Yes** — 🙂 don’t."  # noqa: RUF001 - curly on purpose


async def test_a_reply_of_nothing_that_can_be_said_ends(harness: Harness) -> None:
    """The synthesis finds nothing in it to say."""

    async def say_nothing(speaking: Speaking) -> AsyncGenerator[SynthesizeResponse, None]:
        async for _ in speaking.words():
            pass
        yield speaking.finished()

    harness.llm.script = written("🙂")
    harness.tts.script = say_nothing
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        finished = await caller.until("reply_finished")
        assert finished.text == "🙂"
        assert not caller.received("reply_audio")
    await harness.until_empty()


@pytest.mark.unmute("B8")
async def test_a_reply_of_nothing_at_all_ends(harness: Harness) -> None:
    harness.llm.script = written()
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == ""
        await harness.until_empty()
        await caller.say("Well?")
        await caller.until("reply_finished")
    assert await harness.llm.messages(1) == [("user", "Hi! Well?")]


async def test_text_only_replies_are_not_spoken(harness: Harness) -> None:
    async with harness.calling(TEXT_ONLY) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        await caller.finish()
        assert await caller.to_end() == [
            "started",
            "user_turn_ended",
            "reply_created",
            *["reply_text_delta"] * 3,
            "reply_text_done",
            "reply_released",
            "reply_finished",
            "conversation_ended",
        ]
    assert harness.tts.asked_voices == []


async def test_a_model_that_writes_all_at_once_floods_nobody() -> None:
    async with open_harness(llm_reply_words=9_000) as harness, harness.calling(TEXT_ONLY) as caller:
        harness.llm.script = written("".join(f"word{n} " for n in range(5_000)))
        await caller.say("Hi!")
        await caller.until("reply_finished")
    assert len(caller.received("reply_text_delta")) == 5_000


async def test_an_item_keeps_the_id_its_client_gave_it(harness: Harness) -> None:
    async with harness.calling(TEXT_ONLY) as caller:
        await caller.send(pb.ConverseRequest(text=pb.UserText(text="Hi!", item_id="mine")))
        assert (await caller.until("user_turn_ended")).item_id == "mine"


@pytest.mark.parametrize(("text", "length"), [("", 0), ("  \n", 3)], ids=str)
async def test_a_turn_of_nothing_or_too_much_is_rejected(harness: Harness, text: str, length: int) -> None:
    async with harness.calling(TEXT_ONLY) as caller:
        await caller.say(text, request_id="r")
        event = await caller.until_event("request_rejected")
        assert event.request_id == "r"
        assert event.request_rejected.message == f"a typed turn of {length} characters: expected 1 to 10000, not blank"
        await caller.say("x" * 10_000)
        await caller.until("reply_finished")


async def test_a_typed_turn_cuts_a_reply_short(harness: Harness) -> None:
    harness.llm.script = written(*(f"word{number} " for number in range(50)))
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_word_spoken")
        await caller.say("Stop.", request_id="stop")
        event = await caller.until_event("reply_cancelled")
        assert event.request_id == "stop"
        assert event.reply_cancelled.cause == pb.CANCEL_CAUSE_TYPED
        assert event.reply_cancelled.reply_id == "reply_1"
        assert (await caller.until("reply_created")).reply_id == "reply_2"


@pytest.mark.unmute("S10")
async def test_the_first_reply_may_be_more_varied(harness: Harness) -> None:
    async with harness.calling(TEXT_ONLY) as caller:
        for _ in range(3):
            await caller.say("Hi!")
            await caller.until("reply_finished")
    assert [request["temperature"] for request in harness.llm.requests] == [0.7, 0.3, 0.3]
