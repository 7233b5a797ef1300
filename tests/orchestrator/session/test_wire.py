"""Every action of the core, and the message it becomes."""

import enum
from typing import get_args

import pytest

from mesh.times import duration
from orchestrator.conversation import actions as act
from orchestrator.conversation.actions import CancelCause, EndCause, SpeechCause
from orchestrator.conversation.playout import Position
from orchestrator.session import wire
from parley.conversation.v1 import conversation_pb2 as pb

NEWS: list[tuple[act.Action, pb.ConverseResponse]] = [
    (
        act.SpeechStartedNotice("i", 1.5, SpeechCause.WORD),
        pb.ConverseResponse(
            user_speech_started=pb.UserSpeechStarted(item_id="i", offset=duration(1.5), cause=pb.SPEECH_CAUSE_WORD)
        ),
    ),
    (
        act.UserWordNotice("i", "hello", 0.25, 0.75),
        pb.ConverseResponse(
            user_word_recognized=pb.UserWordRecognized(
                item_id="i", text="hello", start_offset=duration(0.25), end_offset=duration(0.75)
            )
        ),
    ),
    (
        act.UserPartialNotice(""),
        pb.ConverseResponse(user_partial_transcript=pb.UserPartialTranscript(text="")),
    ),
    (
        act.SpeechStoppedNotice("i", 2.0, SpeechCause.DETECTED),
        pb.ConverseResponse(
            user_speech_stopped=pb.UserSpeechStopped(item_id="i", offset=duration(2), cause=pb.SPEECH_CAUSE_DETECTED)
        ),
    ),
    (
        act.TurnEndedNotice("i", "hello", SpeechCause.TYPED),
        pb.ConverseResponse(user_turn_ended=pb.UserTurnEnded(item_id="i", text="hello", cause=pb.SPEECH_CAUSE_TYPED)),
    ),
    (
        act.TurnDiscardedNotice("i"),
        pb.ConverseResponse(user_turn_discarded=pb.UserTurnDiscarded(item_id="i")),
    ),
    (
        act.TurnRestoredNotice("i", "hello", SpeechCause.TYPED),
        pb.ConverseResponse(
            user_turn_restored=pb.UserTurnRestored(item_id="i", text="hello", ended=True, cause=pb.SPEECH_CAUSE_TYPED)
        ),
    ),
    (
        act.TurnRestoredNotice("i", "hel", None),
        pb.ConverseResponse(user_turn_restored=pb.UserTurnRestored(item_id="i", text="hel")),
    ),
    (
        act.EndConversation(EndCause.GOODBYE),
        pb.ConverseResponse(conversation_ended=pb.ConversationEnded(cause=pb.END_CAUSE_GOODBYE)),
    ),
    (
        act.PrepareReply("r", "i", "anna", spoken=True, messages=[], temperature=0.5, script="private"),
        pb.ConverseResponse(reply_created=pb.ReplyCreated(reply_id="r", item_id="i", voice="anna")),
    ),
    (
        act.ConfirmSpeculativeReply("g", "r", "i", "anna"),
        pb.ConverseResponse(reply_created=pb.ReplyCreated(reply_id="r", item_id="i", voice="anna")),
    ),
    (
        act.ReplyTextNotice("r", " word"),
        pb.ConverseResponse(reply_text_delta=pb.ReplyTextDelta(reply_id="r", text=" word")),
    ),
    (
        act.ReplyTextDoneNotice("r", "a word"),
        pb.ConverseResponse(reply_text_done=pb.ReplyTextDone(reply_id="r", text="a word")),
    ),
    (
        act.ReplyWordNotice("r", "word", 0.0, 0.5),
        pb.ConverseResponse(
            reply_word_spoken=pb.ReplyWordSpoken(
                reply_id="r", text="word", start_offset=duration(0), end_offset=duration(0.5)
            )
        ),
    ),
    (
        act.ReplyHeldNotice("r", 0.5),
        pb.ConverseResponse(reply_held=pb.ReplyHeld(reply_id="r", heard_duration=duration(0.5))),
    ),
    (
        act.ReplyResumedNotice("r"),
        pb.ConverseResponse(reply_resumed=pb.ReplyResumed(reply_id="r")),
    ),
    (
        act.ReplyReleasedNotice("r", "a word", 1.0),
        pb.ConverseResponse(reply_released=pb.ReplyReleased(reply_id="r", text="a word", audio_duration=duration(1))),
    ),
    (
        act.CancelReply("r", CancelCause.TYPED, "a", 0.25),
        pb.ConverseResponse(
            reply_cancelled=pb.ReplyCancelled(
                reply_id="r", cause=pb.CANCEL_CAUSE_TYPED, heard_text="a", heard_duration=duration(0.25)
            )
        ),
    ),
    (
        act.ReplyFinishedNotice("r", "a word"),
        pb.ConverseResponse(reply_finished=pb.ReplyFinished(reply_id="r", text="a word")),
    ),
]

SHELL_ONLY: list[act.Action] = [
    act.RequestFlush(1),
    act.ReleaseAudio("r", 0, 1_920),
    act.PrepareReply("g", "", "anna", spoken=True, messages=[], temperature=0.5, speculative=True),
    act.DropSpeculativeReply("g", 3),
    act.ResumeSynthesis("r", Position(1, 1_920)),
    act.ResumeText("r", [], 0.3),
    act.AbandonText("r"),
    act.WarnOfLostVoice("r"),
]


@pytest.mark.parametrize(("action", "message"), NEWS, ids=lambda value: type(value).__name__)
def test_news_becomes_a_message(action: act.Action, message: pb.ConverseResponse) -> None:
    assert wire.response(action) == message


@pytest.mark.parametrize("action", SHELL_ONLY, ids=lambda value: type(value).__name__)
def test_work_is_not_told(action: act.Action) -> None:
    assert wire.response(action) is None


def test_every_action_is_in_this_table() -> None:
    assert {type(action) for action, _ in NEWS} | {type(action) for action in SHELL_ONLY} == set(get_args(act.Action))


@pytest.mark.parametrize(
    ("causes", "prefix"),
    [(SpeechCause, "SPEECH_CAUSE"), (CancelCause, "CANCEL_CAUSE"), (EndCause, "END_CAUSE")],
)
def test_every_cause_has_the_name_the_contract_gives_it(causes: type[enum.Enum], prefix: str) -> None:
    tables = {SpeechCause: wire._SPEECH_CAUSES, CancelCause: wire._CANCEL_CAUSES, EndCause: wire._END_CAUSES}
    table: dict[enum.Enum, int] = dict(tables[causes])  # type: ignore[call-overload]  # of three unlike tables
    assert table == {cause: getattr(pb, f"{prefix}_{cause.name}") for cause in causes}


def test_every_event_of_the_contract_is_sent_by_somebody() -> None:
    """The rest are the shell's own: admission, settings, audio, trouble."""
    from_core = {message.WhichOneof("event") for _, message in NEWS}
    own = {"started", "session_updated", "request_rejected", "reply_audio", "warning", "checkpoint", "go_away"}
    assert from_core | own == {field.name for field in pb.ConverseResponse.DESCRIPTOR.oneofs_by_name["event"].fields}


def test_trouble() -> None:
    assert wire.warning("TTS_FAILED", "oh") == pb.ConverseResponse(
        warning=pb.Warning(reason="TTS_FAILED", message="oh")
    )
    assert wire.rejection("BAD_AUDIO", "no") == pb.ConverseResponse(
        request_rejected=pb.RequestRejected(reason="BAD_AUDIO", message="no")
    )
