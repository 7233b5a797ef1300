"""What is recorded of a session, and when nothing is."""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest
from structlog.testing import capture_logs

from mesh.times import duration
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.recorder import records
from orchestrator.recorder.reading import replay
from orchestrator.recorder.records import Audio, End, Header, Session, Step, Warned
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes import newsapi
from tests.fakes.llm import written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, Caller
from tests.orchestrator.harness import Harness, open_harness
from tests.orchestrator.recorder.kept import files, of, only, recorded, unfinished, until

CONSENT = pb.SessionConfig(recording_consent=True, instructions=pb.Instructions(prompt="Be kind."))
REFUSAL = pb.SessionConfig(recording_consent=False)
TYPED = pb.ConverseConfig(typed_only=True, session=CONSENT)
SAID = "A secret that I have."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
async def recording_harness(folder: Path) -> AsyncIterator[Harness]:
    async with open_harness(recordings_folder=str(folder)) as harness:
        harness.tts.script = spoken(3)
        yield harness


async def ask(caller: Caller, text: str = SAID) -> None:
    """Type a turn, and hear the answer to its end."""
    await caller.say(text)
    await caller.until("reply_finished")


async def update(caller: Caller, session: pb.SessionConfig) -> None:
    await caller.update(session)
    await caller.until("session_updated")


# --- with consent ---------------------------------------------------------------------------------------------------


@pytest.mark.unmute("S13", "B21")
async def test_everything_that_was_told_and_decided_is_recorded(recording_harness: Harness, folder: Path) -> None:
    harness = recording_harness
    async with harness.calling(pb.ConverseConfig(session=CONSENT)) as caller:
        session_id = caller.received("started")[0].session_id
        await caller.play(SILENCE, SILENCE)
        await ask(caller)
        await caller.finish()
        await caller.to_end()
    await harness.no_call_left()
    file = only(folder)
    kept = recorded(file)
    assert re.fullmatch(rf"\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d_{session_id}\.jsonl", file.name)
    assert file.stat().st_mode & 0o777 == 0o600

    (header,) = of(Header, kept)
    assert kept[0] is header
    assert (header.session_id, header.state.instructions) == (session_id, None)
    (session,) = of(Session, kept)
    assert session.session == {"recordingConsent": True, "instructions": {"prompt": "Be kind."}}
    assert kept[-1] == End(now=kept[-1].now, reason="over")

    events = [step.core_event() for step in of(Step, kept)]
    assert isinstance(events[0], ev.SessionConfigured)
    assert events.count(ev.MicrophoneAudioArrived(1_920)) == 2
    assert ev.UserTyped(SAID) in events
    done = [action for step in of(Step, kept) for action in step.core_actions()]
    assert sum(action.samples for action in done if isinstance(action, act.ReleaseAudio)) * 2 == len(
        harness.tts.speakings[0].audio
    )
    assert isinstance(done[-1], act.EndConversation)

    # The reply's sound, as it was sent, each piece before the step that releases it.
    assert b"".join(each.pcm for each in of(Audio, kept)) == caller.audio("reply_1")
    assert {*map(type, kept)} == {Header, Session, Step, Audio, End}
    times = [step.now for step in of(Step, kept)]
    assert times == sorted(times)


async def test_a_spoken_conversation_with_an_interruption_is_replayed(recording_harness: Harness, folder: Path) -> None:
    harness = recording_harness
    harness.llm.script = written(*(f"word{number} " for number in range(20)))
    async with harness.calling(pb.ConverseConfig(session=CONSENT)) as caller:
        await caller.play(SILENCE, SPEECH)
        hearing = await harness.stt.hearing()
        hearing.word("Hello")
        await caller.until("user_word_recognized")
        await caller.play(SILENCE)
        for _ in range(4):
            await caller.until("reply_word_spoken")
        hearing.word("Stop")
        await caller.until("reply_cancelled")
        await caller.play(SILENCE)
        for _ in range(4):
            await caller.until("reply_word_spoken")
        await caller.hang_up()
        await harness.no_call_left()
    replayed = replay(only(folder))
    assert replayed.difference is None
    assert replayed.complete
    done = [action for step in of(Step, recorded(only(folder))) for action in step.core_actions()]
    assert replayed.actions == len(done)
    assert {act.CancelReply, act.PrepareReply, act.ReleaseAudio, act.UserWordNotice, act.TurnEndedNotice} <= {
        *map(type, done)
    }


@pytest.mark.unmute("S13")
async def test_the_microphone_is_recorded_as_a_count(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(pb.ConverseConfig(session=CONSENT)) as caller:
        await caller.play(*[SPEECH] * 20)
        await caller.until("user_speech_started")
        await caller.hang_up()
        await recording_harness.no_call_left()
    kept = recorded(only(folder))
    heard = [step for step in of(Step, kept) if isinstance(step.core_event(), ev.MicrophoneAudioArrived)]
    assert len(heard) == 20
    assert all(step.event == {"type": "MicrophoneAudioArrived", "samples": 1_920} for step in heard)
    assert not of(Audio, kept)
    assert only(folder).stat().st_size < 20 * len(SPEECH) / 4


async def test_what_is_changed_later_is_recorded_too(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(TYPED) as caller:
        await update(caller, pb.SessionConfig(voice="anna", recording_consent=True))
        await caller.hang_up()
        await recording_harness.no_call_left()
    kept = recorded(only(folder))
    assert len(of(Header, kept)) == 1
    assert of(Session, kept)[1].session == {"voice": "anna", "recordingConsent": True}


async def test_a_warning_is_recorded(recording_harness: Harness, folder: Path) -> None:
    recording_harness.llm.status = 500
    async with recording_harness.calling(TYPED) as caller:
        await ask(caller)
        await caller.hang_up()
        await recording_harness.no_call_left()
    (warned,) = of(Warned, recorded(only(folder)))
    assert (warned.reason, warned.message) == ("LLM_FAILED", caller.received("warning")[0].message)


async def test_a_recording_begins_with_consent_that_comes_before_the_first_words(
    recording_harness: Harness, folder: Path
) -> None:
    """As in Unmute's dialect, where the microphone may be open before the first `session.update`."""
    async with recording_harness.calling() as caller:
        await caller.play(SILENCE)
        await update(caller, pb.SessionConfig(pacing_lead=duration(1)))
        assert files(folder) == []
        await update(caller, CONSENT)
        await ask(caller)
        await caller.hang_up()
        await recording_harness.no_call_left()
    (header,) = of(Header, recorded(only(folder)))
    assert (header.state.policy.pacing_lead, header.state.microphone_samples) == (1.0, 1_920)
    assert replay(only(folder)).difference is None


# --- without ----------------------------------------------------------------------------------------------------------


@pytest.mark.unmute("B18")
@pytest.mark.parametrize(
    "config", [pb.ConverseConfig(typed_only=True), pb.ConverseConfig(typed_only=True, session=REFUSAL)]
)
async def test_nothing_is_recorded_without_consent(
    recording_harness: Harness, folder: Path, config: pb.ConverseConfig
) -> None:
    async with recording_harness.calling(config) as caller:
        await ask(caller)
        await caller.finish()
        await caller.to_end()
    await recording_harness.no_call_left()
    assert files(folder) == []


async def test_nothing_is_recorded_without_a_folder(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await ask(caller)
        assert not harness.recordings._open_files


async def test_consent_that_is_refused_stays_refused(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(pb.ConverseConfig(typed_only=True, session=REFUSAL)) as caller:
        await update(caller, CONSENT)
        await ask(caller)
    await recording_harness.no_call_left()
    assert files(folder) == []


async def test_consent_after_the_first_words_begins_no_recording(recording_harness: Harness, folder: Path) -> None:
    with capture_logs() as logged:
        async with recording_harness.calling(pb.ConverseConfig(typed_only=True)) as caller:
            await ask(caller)
            await update(caller, CONSENT)
            await ask(caller)
        await recording_harness.no_call_left()
    assert files(folder) == []
    assert [each for each in logged if "consent came after the first words" in each["event"]]


async def test_consent_in_a_change_that_is_rejected_is_none(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(pb.ConverseConfig(typed_only=True)) as caller:
        await caller.update(pb.SessionConfig(recording_consent=True, pacing_lead=duration(0)))
        await caller.until("request_rejected")
        await ask(caller)
    await recording_harness.no_call_left()
    assert files(folder) == []


# --- withdrawn --------------------------------------------------------------------------------------------------------


@pytest.mark.unmute("C14", "B17", "S13")
async def test_withdrawal_in_the_middle_of_a_reply_deletes_for_good_and_the_session_goes_on(
    recording_harness: Harness, folder: Path
) -> None:
    harness = recording_harness
    harness.llm.script = written(*(f"word{number} " for number in range(10)))
    async with harness.calling(TYPED) as caller:
        await caller.say(SAID)
        await caller.until("reply_word_spoken")
        await unfinished(folder)
        await update(caller, REFUSAL)
        await until(folder)  # empty
        await caller.until("reply_finished")
        await update(caller, CONSENT)
        await ask(caller)
        assert files(folder) == []
        await caller.finish()
        await caller.to_end()
    await harness.no_call_left()
    assert files(folder) == []


@pytest.mark.parametrize("times", [1, 2])
async def test_withdrawal_before_the_file_is_there(recording_harness: Harness, folder: Path, times: int) -> None:
    async with recording_harness.calling(TYPED) as caller:
        for _ in range(times):
            await caller.update(REFUSAL)
        await caller.hang_up()
        await recording_harness.no_call_left()
    assert files(folder) == []


async def test_withdrawal_waits_for_nothing(folder: Path) -> None:
    """Not for the news that another update waits for, nor is it a matter of order or of what else it says."""
    press = newsapi.FakeNewsApi()
    press.open.clear()
    async with (
        newsapi.serving(press) as url,
        open_harness(newsapi_url=url, newsapi_api_key=newsapi.KEY, recordings_folder=str(folder)) as harness,
        harness.calling(TYPED) as caller,
    ):
        news = pb.Instructions(character=pb.Character(kind="news"))
        await caller.update(pb.SessionConfig(instructions=news))
        await caller.update(pb.SessionConfig(recording_consent=False, pacing_lead=duration(0)))
        await caller.hang_up()
        await harness.no_call_left()
        assert files(folder) == []


async def test_withdrawal_after_finish(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(TYPED) as caller:
        await caller.say(SAID)
        await caller.until("reply_audio")
        await caller.finish()
        await caller.update(REFUSAL)
        await caller.to_end()
    await recording_harness.no_call_left()
    assert files(folder) == []


# --- however it ends --------------------------------------------------------------------------------------------------


async def _hang_up(caller: Caller) -> None:
    await caller.hang_up()


async def _cancel(caller: Caller) -> None:
    caller.call.cancel()


@pytest.mark.parametrize("leave", [_hang_up, _cancel])
async def test_leaving_in_the_middle_of_a_reply_completes_the_recording(
    recording_harness: Harness, folder: Path, leave: Callable[[Caller], Awaitable[None]]
) -> None:
    harness = recording_harness
    harness.llm.script = written(*(f"word{number} " for number in range(30)))
    async with harness.calling(TYPED) as caller:
        await caller.say(SAID)
        await caller.until("reply_word_spoken")
        await leave(caller)
        await harness.no_call_left()
    kept = recorded(only(folder))
    assert kept[-1] == End(now=kept[-1].now, reason="over")
    assert caller.audio("reply_1") == b"".join(each.pcm for each in of(Audio, kept))[: len(caller.audio("reply_1"))]
    assert replay(only(folder)).difference is None
    assert not harness.recordings._open_files


async def test_what_is_on_the_disk_can_be_read_while_the_session_lasts(
    recording_harness: Harness, folder: Path
) -> None:
    async with recording_harness.calling(TYPED) as caller:
        await ask(caller)
        file = await unfinished(folder)
        replayed = replay(file)
        assert replayed.difference is None
        assert not replayed.complete


async def test_a_recording_that_is_full_ends_and_the_session_goes_on(folder: Path) -> None:
    with capture_logs() as logged:
        async with open_harness(recordings_folder=str(folder), recording_limit_mib=1) as harness:
            harness.tts.script = spoken(30)
            greedy = pb.SessionConfig(recording_consent=True, pacing_lead=duration(60))
            async with harness.calling(pb.ConverseConfig(typed_only=True, session=greedy)) as caller:
                harness.llm.script = written(*(f"word{number} " for number in range(20)))
                await caller.say("Tell me a story.")
                while len(caller.audio("reply_1")) < 1 << 20:
                    await caller.next()
                await caller.say("And?")
                await caller.until("reply_created")
                await caller.hang_up()
                await harness.no_call_left()
    kept = recorded(only(folder))
    assert kept[-1] == End(now=kept[-1].now, reason="full")
    assert only(folder).stat().st_size <= (1 << 20) + 100
    assert replay(only(folder)).difference is None
    assert [each["reason"] for each in logged if each["event"] == "recording stopped"] == ["full"]


@pytest.mark.parametrize("obstacle", ["file", "missing"])
async def test_a_folder_that_cannot_be_written_costs_one_warning(tmp_path: Path, obstacle: str) -> None:
    (tmp_path / "file").write_text("no folder")
    folder = tmp_path / "file" if obstacle == "file" else Path("/proc/nowhere/recordings")
    with capture_logs() as logged:
        async with open_harness(recordings_folder=str(folder)) as harness:
            async with harness.calling(TYPED) as caller:
                await ask(caller)
                await ask(caller)
                await caller.finish()
                await caller.to_end()
            await harness.no_call_left()
            assert not harness.recordings._open_files
    assert len([each for each in logged if each["event"] == "recording stopped"]) == 1


async def test_logs_never_tell_what_was_said(recording_harness: Harness) -> None:
    with capture_logs() as logged:
        async with recording_harness.calling(TYPED) as caller:
            await ask(caller)
            await update(caller, REFUSAL)
            await caller.hang_up()
            await recording_harness.no_call_left()
    assert SAID not in str(logged)


@pytest.mark.unmute("B18")
async def test_no_two_recordings_share_a_name(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(TYPED), recording_harness.calling(TYPED), recording_harness.calling(TYPED):
        pass
    await recording_harness.no_call_left()
    assert len(files(folder)) == 3


@pytest.mark.unmute("B21")
def test_the_lines_of_a_recording_are_a_closed_set() -> None:
    """There is no line for debug output, nor a field that could take it."""
    kinds = {each.__struct_config__.tag: each.__struct_fields__ for each in get_args(records.Record)}
    assert kinds == {
        "header": ("now", "format", "version", "product", "session_id", "started_wall", "metadata", "state"),
        "session": ("now", "session"),
        "step": ("now", "event", "actions"),
        "audio": ("now", "reply_id", "start", "pcm"),
        "warned": ("now", "reason", "message"),
        "end": ("now", "reason"),
    }


async def test_every_line_is_json_and_says_what_it_is(recording_harness: Harness, folder: Path) -> None:
    async with recording_harness.calling(TYPED) as caller:
        await ask(caller)
        await caller.hang_up()
        await recording_harness.no_call_left()
    for text in only(folder).read_text().splitlines():
        assert json.loads(text)["line"] in {each.__struct_config__.tag for each in get_args(records.Record)}
