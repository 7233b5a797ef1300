"""The core's actions as messages to the client. The shell's own part in an action is in `session`."""

from typing import assert_never

from mesh.times import duration
from orchestrator.conversation import actions as act
from orchestrator.conversation.actions import CancelCause, EndCause, SpeechCause
from parley.conversation.v1 import conversation_pb2 as pb

_SPEECH_CAUSES = {
    SpeechCause.DETECTED: pb.SPEECH_CAUSE_DETECTED,
    SpeechCause.WORD: pb.SPEECH_CAUSE_WORD,
    SpeechCause.SILENCE: pb.SPEECH_CAUSE_SILENCE,
    SpeechCause.TYPED: pb.SPEECH_CAUSE_TYPED,
}
_CANCEL_CAUSES = {
    CancelCause.SPEECH_DETECTED: pb.CANCEL_CAUSE_SPEECH_DETECTED,
    CancelCause.WORD_RECOGNIZED: pb.CANCEL_CAUSE_WORD_RECOGNIZED,
    CancelCause.TYPED: pb.CANCEL_CAUSE_TYPED,
    CancelCause.FAILED: pb.CANCEL_CAUSE_FAILED,
    CancelCause.REQUESTED: pb.CANCEL_CAUSE_REQUESTED,
    CancelCause.RESUMED: pb.CANCEL_CAUSE_RESUMED,
}
_END_CAUSES = {
    EndCause.GOODBYE: pb.END_CAUSE_GOODBYE,
    EndCause.FINISHED: pb.END_CAUSE_FINISHED,
    EndCause.SILENCE: pb.END_CAUSE_SILENCE,
}


def response(action: act.Action) -> pb.ConverseResponse | None:
    """Return the message to the client about `action`; None for one that concerns the shell alone."""
    return _of_reply(action) if isinstance(action, act.ReplyAction) else _of_user(action)


def _of_user(action: act.ConversationAction) -> pb.ConverseResponse | None:
    match action:
        case act.SpeechStartedNotice(item_id, offset, cause):
            started = pb.UserSpeechStarted(item_id=item_id, offset=duration(offset), cause=_SPEECH_CAUSES[cause])
            return pb.ConverseResponse(user_speech_started=started)
        case act.UserWordNotice(item_id, text, start, end):
            word = pb.UserWordRecognized(
                item_id=item_id, text=text, start_offset=duration(start), end_offset=duration(end)
            )
            return pb.ConverseResponse(user_word_recognized=word)
        case act.UserPartialNotice(text):
            return pb.ConverseResponse(user_partial_transcript=pb.UserPartialTranscript(text=text))
        case act.SpeechStoppedNotice(item_id, offset, cause):
            stopped = pb.UserSpeechStopped(item_id=item_id, offset=duration(offset), cause=_SPEECH_CAUSES[cause])
            return pb.ConverseResponse(user_speech_stopped=stopped)
        case act.TurnEndedNotice(item_id, text, cause):
            ended = pb.UserTurnEnded(item_id=item_id, text=text, cause=_SPEECH_CAUSES[cause])
            return pb.ConverseResponse(user_turn_ended=ended)
        case act.TurnDiscardedNotice(item_id):
            return pb.ConverseResponse(user_turn_discarded=pb.UserTurnDiscarded(item_id=item_id))
        case act.TurnRestoredNotice(item_id, text, cause):
            ended_by = _SPEECH_CAUSES[cause] if cause else pb.SPEECH_CAUSE_UNSPECIFIED
            restored = pb.UserTurnRestored(item_id=item_id, text=text, ended=cause is not None, cause=ended_by)
            return pb.ConverseResponse(user_turn_restored=restored)
        case act.EndConversation(cause):
            return pb.ConverseResponse(conversation_ended=pb.ConversationEnded(cause=_END_CAUSES[cause]))
        case act.RequestFlush():
            return None
        case _:
            assert_never(action)


def _of_reply(action: act.ReplyAction) -> pb.ConverseResponse | None:
    match action:
        case act.PrepareReply(speculative=True):
            return None
        case (
            act.PrepareReply(reply_id=reply_id, item_id=item_id, voice=voice)
            | act.ConfirmSpeculativeReply(reply_id=reply_id, item_id=item_id, voice=voice)
        ):
            created = pb.ReplyCreated(reply_id=reply_id, item_id=item_id, voice=voice)
            return pb.ConverseResponse(reply_created=created)
        case act.ReplyTextNotice(reply_id, text):
            return pb.ConverseResponse(reply_text_delta=pb.ReplyTextDelta(reply_id=reply_id, text=text))
        case act.ReplyTextDoneNotice(reply_id, text):
            return pb.ConverseResponse(reply_text_done=pb.ReplyTextDone(reply_id=reply_id, text=text))
        case act.ReplyWordNotice(reply_id, text, start, end):
            spoken = pb.ReplyWordSpoken(
                reply_id=reply_id, text=text, start_offset=duration(start), end_offset=duration(end)
            )
            return pb.ConverseResponse(reply_word_spoken=spoken)
        case act.ReplyHeldNotice(reply_id, heard):
            return pb.ConverseResponse(reply_held=pb.ReplyHeld(reply_id=reply_id, heard_duration=duration(heard)))
        case act.ReplyResumedNotice(reply_id):
            return pb.ConverseResponse(reply_resumed=pb.ReplyResumed(reply_id=reply_id))
        case act.ReplyReleasedNotice(reply_id, text, length):
            released = pb.ReplyReleased(reply_id=reply_id, text=text, audio_duration=duration(length))
            return pb.ConverseResponse(reply_released=released)
        case act.CancelReply(reply_id, cause, heard_text, heard):
            cancelled = pb.ReplyCancelled(
                reply_id=reply_id,
                cause=_CANCEL_CAUSES[cause],
                heard_text=heard_text,
                heard_duration=duration(heard),
            )
            return pb.ConverseResponse(reply_cancelled=cancelled)
        case act.ReplyFinishedNotice(reply_id, text):
            return pb.ConverseResponse(reply_finished=pb.ReplyFinished(reply_id=reply_id, text=text))
        case (
            act.ReleaseAudio()
            | act.DropSpeculativeReply()
            | act.ResumeSynthesis()
            | act.ResumeText()
            | act.AbandonText()
            | act.WarnOfLostVoice()
        ):
            return None
        case _:
            assert_never(action)


def warning(reason: str, message: str) -> pb.ConverseResponse:
    """Return a warning: `reason` for programs, `message` for people."""
    return pb.ConverseResponse(warning=pb.Warning(reason=reason, message=message))


def rejection(reason: str, message: str) -> pb.ConverseResponse:
    """Return the refusal of one request in a conversation that goes on."""
    return pb.ConverseResponse(request_rejected=pb.RequestRejected(reason=reason, message=message))
