"""Speculative replies: they are prepared while the recogniser is asked for the last words."""

from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import breaks_off, written
from tests.orchestrator.caller import SILENCE, SPEECH, Caller
from tests.orchestrator.harness import Harness, open_harness


async def paused(harness: Harness, caller: Caller) -> None:
    """The person has said "Hello." and paused, and the recogniser does not answer the flush yet."""
    harness.stt.answers_flushes = False
    await caller.play(SPEECH, SPEECH)
    hearing = await harness.stt.hearing()
    await hearing.until(lambda: len(hearing.audio) >= 2 * len(SPEECH))
    hearing.word("Hello.")
    await caller.until("user_word_recognized")
    await caller.play(SILENCE)
    await caller.until("user_speech_stopped")


async def test_a_reply_is_written_and_spoken_before_the_turn_is_over(harness: Harness) -> None:
    async with harness.calling() as caller:
        await paused(harness, caller)
        assert await harness.llm.messages() == [("user", "Hello.")]
        await (await harness.tts.speaking()).until_over()
        assert not {"reply_created", "reply_text_delta", "reply_audio"} & set(caller.names())
        hearing = await harness.stt.hearing()
        hearing.answer(hearing.flushes[-1])
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == ("reply_1", "Well, hello there.")
        assert "".join(each.text for each in caller.received("reply_text_delta")) == "Well, hello there."
        assert caller.names().index("user_turn_ended") < caller.names().index("reply_created")
        assert len(harness.llm.requests) == len(harness.tts.speakings) == 1
        assert caller.audio("reply_1") == bytes(harness.tts.speakings[0].audio)
    assert outcomes(harness) == (1, 0)


async def test_another_word_leaves_no_trace_of_it(harness: Harness) -> None:
    async with harness.calling() as caller:
        await paused(harness, caller)
        await (await harness.tts.speaking()).until_over()
        harness.llm.script = written("Goodbye.")
        hearing = await harness.stt.hearing()
        hearing.word("Bye.")
        hearing.answer(hearing.flushes[-1])
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == ("reply_1", "Goodbye.")
        assert len(caller.received("reply_created")) == 1
        assert "".join(each.text for each in caller.received("reply_text_delta")) == "Goodbye."
        assert await harness.llm.messages(1) == [("user", "Hello. Bye.")]
        await harness.llm.slots.until_open(0)
        await harness.tts.slots.until_open(0)
        assert not caller.received("warning")
        await caller.say("Again?")
        assert (await caller.until("reply_finished")).reply_id == "reply_2"
    assert outcomes(harness) == (1, 1)
    assert harness.registry.get_sample_value("parley_speculative_words_dropped_total") == 1 + 3


async def test_one_that_fails_is_not_told_of_and_begun_again(harness: Harness) -> None:
    harness.llm.first = [breaks_off("We"), breaks_off("We")]
    async with harness.calling() as caller:
        await paused(harness, caller)
        await harness.llm.slots.until(lambda: len(harness.llm.requests) == 2)
        await harness.llm.slots.until_open(0)
        hearing = await harness.stt.hearing()
        hearing.answer(hearing.flushes[-1])
        assert (await caller.until("reply_finished")).text == "Well, hello there."
        assert not caller.received("warning")


async def test_it_can_be_switched_off() -> None:
    async with open_harness(speculative_start=False) as harness, harness.calling() as caller:
        await paused(harness, caller)
        await caller.update(pb.SessionConfig(voice="anna"))
        await caller.until("session_updated")
        assert not harness.llm.requests
        hearing = await harness.stt.hearing()
        hearing.answer(hearing.flushes[-1])
        await caller.until("reply_finished")
    assert outcomes(harness) == (0, 0)


def outcomes(harness: Harness) -> tuple[float | None, float | None]:
    """How many replies were speculative, and how many of them dropped."""
    names = ("parley_speculative_replies_total", "parley_speculative_replies_dropped_total")
    prepared, dropped = map(harness.registry.get_sample_value, names)
    return prepared, dropped
