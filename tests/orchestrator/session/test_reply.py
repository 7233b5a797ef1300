"""Trouble with the voice: none to be found, one that fails, one that nobody knows, one that is too fast."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.errors import UpstreamDown
from mesh.times import seconds
from parley.conversation.v1 import conversation_pb2 as pb
from parley.tts.v1.tts_pb2 import SynthesizeResponse, VoiceReplaced
from tests.fakes.llm import written
from tests.fakes.tts import Script, Speaking, recorded, spoken
from tests.orchestrator.caller import SILENCE, TYPED, Caller
from tests.orchestrator.harness import Harness, open_harness

Responses = AsyncGenerator[SynthesizeResponse, None]


def reasons(caller: Caller) -> list[str]:
    return [each.reason for each in caller.received("warning")]


async def conversation_goes_on(harness: Harness, caller: Caller) -> None:
    harness.tts.script = spoken(1)
    await caller.say("Are you there?")
    finished = await caller.until("reply_finished")
    assert finished.text == "Well, hello there."
    assert harness.tts.speakings[-1].over


async def test_a_voice_that_is_taken_is_waited_for(harness: Harness) -> None:
    harness.tts.slots.capacity = 0
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        warning = await caller.until("warning")
        assert warning.message == "I am waiting for my voice: every speech synthesis is taken."
        await harness.tts.slots.until(lambda: harness.tts.slots.refused > 3)
        harness.tts.slots.capacity = None
        await caller.until("reply_finished")
        assert reasons(caller) == ["TTS_NOT_FOUND"]
        assert caller.audio("reply_1") == bytes(harness.tts.speakings[0].audio)


@pytest.mark.unmute("S11")
async def test_a_voice_that_is_never_found_costs_the_reply_only() -> None:
    async with open_harness(voice_wait_s=1.0) as harness, harness.calling(TYPED) as caller:
        harness.tts.slots.capacity = 0
        await caller.say("Hi!")
        cancelled = await caller.until("reply_cancelled")
        assert (cancelled.cause, cancelled.heard_text) == (pb.CANCEL_CAUSE_FAILED, "")
        assert reasons(caller) == ["TTS_NOT_FOUND", "TTS_FAILED"]
        assert len(harness.tts.asked_voices) >= 4
        await harness.llm.slots.until_open(0)
        harness.tts.slots.capacity = None
        await conversation_goes_on(harness, caller)


async def test_a_synthesis_that_is_down_costs_the_reply_only(harness: Harness) -> None:
    await harness.tts_server.__aexit__(None, None, None)
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_cancelled")
        assert reasons(caller) == ["TTS_NOT_FOUND", "TTS_FAILED"]
        assert caller.received("warning")[0].message == "I am looking for my voice: no speech synthesis can be reached."


@pytest.mark.parametrize("broken", [True, False], ids=["with an error", "without a word"])
async def test_voices_that_fail_before_any_audio_cost_the_reply_only(harness: Harness, *, broken: bool) -> None:
    async def failing(_speaking: Speaking) -> Responses:
        if broken:
            raise UpstreamDown("the engine has crashed")
        return
        yield

    harness.tts.script = failing
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        cancelled = await caller.until("reply_cancelled")
        assert (cancelled.cause, cancelled.heard_text) == (pb.CANCEL_CAUSE_FAILED, "")
        assert reasons(caller) == ["TTS_FAILED"]
        await harness.until_empty()
        await conversation_goes_on(harness, caller)


def one_after_the_other(*scripts: Script) -> Script:
    """Speak each stream by the next of these scripts, and by the last from then on."""
    left = list(scripts)

    def script(speaking: Speaking) -> Responses:
        return (left.pop(0) if len(left) > 1 else left[0])(speaking)

    return script


def failing_after(words: int, *, broken: bool, half_a_word: bool = False) -> Script:
    """Speak so many words, of two frames each, perhaps a frame of the next, and fail."""

    async def script(speaking: Speaking) -> Responses:
        spoken_words = 0
        async for word in speaking.words():
            if spoken_words == words:
                if half_a_word:
                    yield speaking.frames(1)
                break
            yield speaking.frames(2)
            yield speaking.word(word, 2)
            spoken_words += 1
        if broken:
            raise UpstreamDown("the engine has crashed")

    return script


@pytest.mark.parametrize("broken", [True, False], ids=["with an error", "without a word"])
async def test_another_voice_goes_on_where_one_failed(harness: Harness, *, broken: bool) -> None:
    """With the first word that was not spoken to its end; offsets go on, and nothing is lost or said twice."""
    failing = failing_after(1, broken=broken, half_a_word=True)
    harness.tts.script = one_after_the_other(failing, failing_after(0, broken=broken), spoken(2))
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        finished = await caller.until("reply_finished")
        assert (finished.reply_id, finished.text) == ("reply_1", "Well, hello there.")
        assert reasons(caller) == []
        words = [(each.text, seconds(each.start_offset)) for each in caller.received("reply_word_spoken")]
        first, _, third = harness.tts.speakings
        # Half of "hello" may have been released before it was lost. It cannot be taken back.
        released = seconds(caller.received("reply_released")[0].audio_duration) - len(third.audio) / 2 / SAMPLE_RATE
        assert words == [("Well,", 0.0), ("hello", pytest.approx(released)), ("there.", pytest.approx(released + 0.16))]
        assert first.texts[0] == "Well,"
        assert third.texts == ["hello", "there."]
        heard = caller.audio("reply_1")
        assert heard.startswith(bytes(first.audio[: 2 * FRAME_BYTES]))
        assert heard.endswith(bytes(third.audio))
        await harness.until_empty()
        await conversation_goes_on(harness, caller)
    assert (await harness.llm.messages(1))[1] == ("assistant", "Well, hello there.")


@pytest.mark.unmute("B24")
async def test_a_voice_that_is_lost_for_good_is_heard_so_far(harness: Harness) -> None:
    harness.tts.script = one_after_the_other(failing_after(2, broken=True), failing_after(0, broken=True))
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        cancelled = await caller.until("reply_cancelled")
        assert (cancelled.cause, cancelled.heard_text) == (pb.CANCEL_CAUSE_FAILED, "Well, hello")
        assert reasons(caller) == ["TTS_FAILED"]
        assert caller.audio("reply_1") == bytes(harness.tts.speakings[0].audio)
        await harness.until_empty()
        await conversation_goes_on(harness, caller)
    assert (await harness.llm.messages(1))[1] == ("assistant", "Well, hello")


async def silent(_speaking: Speaking) -> Responses:
    await asyncio.Event().wait()
    yield SynthesizeResponse()


async def test_voices_that_stall_are_given_up(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.session.synthesis._FIRST_SOUND_S", 0.25)
    harness.tts.script = silent
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_cancelled")).cause == pb.CANCEL_CAUSE_FAILED
        await harness.until_empty()
        await conversation_goes_on(harness, caller)


async def test_a_voice_that_stalls_in_the_middle_is_replaced(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.session.synthesis._SILENT_ALONE_S", 0.25)

    async def stalling(speaking: Speaking) -> Responses:
        async for word in speaking.words():
            yield speaking.frames(2)
            yield speaking.word(word, 2)
            break
        await asyncio.Event().wait()

    harness.tts.script = one_after_the_other(stalling, spoken(2))
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Well, hello there."
        assert harness.tts.speakings[1].texts == ["hello", "there."]


async def test_a_voice_that_is_late_is_raced_by_one_of_another_replica() -> None:
    """The one that speaks first is kept, and the other is ended."""
    async with open_harness(voices=2) as harness, harness.calling(TYPED) as caller:
        script = one_after_the_other(silent, spoken(1))
        for tts in harness.all_tts:
            tts.script = script
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Well, hello there."
        one, other = (tts.speakings for tts in harness.all_tts)
        assert len(one) == len(other) == 1
        assert reasons(caller) == []
        for tts in harness.all_tts:
            await tts.slots.until_open(0)


@pytest.mark.unmute("B7")
async def test_a_voice_nobody_knows_is_replaced(harness: Harness) -> None:
    harness.tts.unknown_voices = {"zorro"}
    config = pb.ConverseConfig(session=pb.SessionConfig(voice="zorro"), typed_only=True)
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        (warning,) = caller.received("warning")
        assert (warning.reason, warning.message) == (
            "VOICE_NOT_FOUND",
            "No voice zorro.",
        )
    assert harness.tts.asked_voices == ["zorro"]


async def test_a_custom_voice_that_is_gone_is_warned_of_and_the_reply_spoken(harness: Harness) -> None:
    """Which voice speaks instead is the synthesis's decision alone: it is asked once."""
    harness.tts.voice_replaced = VoiceReplaced(reason="VOICE_NOT_FOUND", message="It is gone.")
    config = pb.ConverseConfig(session=pb.SessionConfig(voice="custom:gone"), typed_only=True)
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        (warning,) = caller.received("warning")
        assert (warning.reason, warning.message) == ("VOICE_NOT_FOUND", "It is gone.")
    assert harness.tts.asked_voices == ["custom:gone"]


async def test_without_even_a_default_voice_the_reply_fails(harness: Harness) -> None:
    harness.tts.unknown_voices = {"zorro", ""}
    config = pb.ConverseConfig(session=pb.SessionConfig(voice="zorro"), typed_only=True)
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_cancelled")).cause == pb.CANCEL_CAUSE_FAILED
        assert reasons(caller) == ["TTS_FAILED"]


async def test_a_synthesis_knows_whom_it_serves(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        config = (await harness.tts.speaking()).config
        assert config.session_id == caller.received("started")[0].session_id
        assert config.reply_id == "reply_1"


async def test_a_voice_far_ahead_is_stopped_by_flow_control(harness: Harness) -> None:
    """The orchestrator holds a minute, and a second or two are on their way."""

    async def endless(speaking: Speaking) -> Responses:
        while True:
            yield speaking.samples(bytes(2 * SAMPLE_RATE))

    harness.tts.script = endless
    async with harness.calling() as caller:
        await caller.say("Hi!")
        speaking = await harness.tts.speaking()
        await caller.until("reply_audio")
        made = -1
        while made != len(speaking.audio):
            made = len(speaking.audio)
            for _ in range(5):
                await caller.until("reply_audio")  # 80 ms apart
        assert 60 <= made / 2 / SAMPLE_RATE < 66
        harness.tts.script = spoken(1)
        async with harness.calling(TYPED) as other:
            await other.say("Does that concern me?")
            await other.until("reply_finished")
        (await harness.stt.hearing()).word("Stop")
        await caller.until("reply_cancelled")
        await harness.tts.slots.until_open(0, within=0.1)


async def test_audio_comes_no_sooner_than_its_lead_allows(harness: Harness) -> None:
    harness.tts.script = recorded(bytes(20 * FRAME_BYTES))
    clock = asyncio.get_running_loop().time
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        first = await caller.until("reply_audio")
        began, received = clock(), len(first.audio)
        while received < 20 * FRAME_BYTES:
            received += len((await caller.until("reply_audio")).audio)
            ahead = received / 2 / SAMPLE_RATE - (clock() - began)
            assert ahead < 0.32 + 0.1  # the first may have been on its way for longer


async def test_the_words_reach_the_voice_one_by_one(harness: Harness) -> None:
    harness.llm.script = written("One ", "two ", "three")
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    assert harness.tts.speakings[0].texts == ["One", "two", "three"]
    assert harness.tts.speakings[0].finish_asked


@pytest.mark.unmute("S10", "B31")
async def test_the_client_is_shown_what_was_written_and_the_voice_is_given_it_too(harness: Harness) -> None:
    harness.llm.script = written("<think>Hm.</think>**Well** : ", "see [th", "is](http://x) — `now`", "!\n\n* 5 %")
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    [done] = caller.received("reply_text_done")
    assert done.text == "**Well** : see [this](http://x) — `now`! * 5 %"
    assert "".join(delta.text for delta in caller.received("reply_text_delta")) == done.text
    assert harness.tts.speakings[0].texts == [
        *("**Well**", ":", "see", "[this](http://x)", "—", "`now`!", "\n\n*", "5", "%"),
    ]
    assert harness.tts.speakings[0].finish_asked


@pytest.mark.parametrize("how", ["full", "silent"])
async def test_a_search_for_a_voice_ends_at_once_when_it_is_interrupted(harness: Harness, how: str) -> None:
    harness.tts.slots.capacity = 0 if how == "full" else None
    harness.tts.admits = how == "full"
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await harness.tts.slots.until(lambda: bool(harness.tts.asked_voices))
        (await harness.stt.hearing()).word("Wait")
        cancelled = await caller.until("reply_cancelled")
        assert (cancelled.cause, cancelled.heard_text) == (pb.CANCEL_CAUSE_WORD_RECOGNIZED, "")
        await harness.llm.slots.until_open(0, 0.1)
        asked = len(harness.tts.asked_voices)
        await asyncio.sleep(0.3)  # in which the search would have gone on
        assert len(harness.tts.asked_voices) == asked
        harness.tts.slots.capacity, harness.tts.admits = None, True
        await caller.play(*[SILENCE] * 6)
        await caller.until("reply_finished")
        assert "TTS_FAILED" not in reasons(caller)
