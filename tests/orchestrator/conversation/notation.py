"""Short names for what needs the time, or another unit, to be written out. All else goes by its own name.

The microphone is taken to be open from the start, so the offset of what is heard is the time. The recogniser is sure
of a word 0.1 s after its end; every word takes 0.3 s.
"""

from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action, SpeechCause
from orchestrator.conversation.events import Event
from orchestrator.conversation.policy import SAMPLE_RATE, Policy
from orchestrator.conversation.transcript import Message, Role
from tests.orchestrator.conversation.script import Row, Timed, TimedAction, at, time_passes

DETECTED, WORD = SpeechCause.DETECTED, SpeechCause.WORD
SILENCE, TYPED = SpeechCause.SILENCE, SpeechCause.TYPED

# --- what the person does -----------------------------------------------------------------------------------------


def score(probability: float) -> Timed:
    """A pause score."""
    return lambda now: ev.PauseScored(probability, now)


def speech(now: float) -> Event:
    """A score that is clearly speech."""
    return ev.PauseScored(0.1, now)


def pause(now: float) -> Event:
    """A score that is clearly a pause."""
    return ev.PauseScored(0.9, now)


def word(text: str) -> Timed:
    """The recogniser is sure of a word."""
    return lambda now: ev.WordRecognized(text, now - 0.4, now - 0.1)


def microphone(seconds: float) -> Event:
    """So much of the microphone arrives."""
    return ev.MicrophoneAudioArrived(round(seconds * SAMPLE_RATE))


# --- what is told of them -----------------------------------------------------------------------------------------


def started(item_id: str, cause: SpeechCause = DETECTED) -> TimedAction:
    """They begin to speak: now, or where the word began that told so."""
    return lambda now: act.SpeechStartedNotice(item_id, now - 0.4 if cause is WORD else now, cause)


def user_word(item_id: str, text: str) -> TimedAction:
    """A word of theirs, told at once."""
    return lambda now: act.UserWordNotice(item_id, text, now - 0.4, now - 0.1)


def stopped(item_id: str, cause: SpeechCause = DETECTED) -> TimedAction:
    """They stop speaking, now."""
    return lambda now: act.SpeechStoppedNotice(item_id, now, cause)


# --- a reply ------------------------------------------------------------------------------------------------------


def user(text: str) -> Message:
    return Message(Role.USER, text)


def assistant(text: str) -> Message:
    return Message(Role.ASSISTANT, text)


def system(text: str) -> Message:
    return Message(Role.SYSTEM, text)


def prepare(
    reply_id: str,
    item_id: str,
    *messages: Message,
    voice: str = "",
    spoken: bool = True,
    script: str | None = None,
    beginning: str | None = None,
) -> Action:
    """A reply is started, with these messages for the model."""
    policy = Policy()
    temperature = policy.first_temperature if reply_id == "reply_1" else policy.temperature
    return act.PrepareReply(reply_id, item_id, voice, spoken, list(messages), temperature, script, beginning)


def speculative(speculative_id: str, *messages: Message) -> Action:
    """A speculative reply is prepared, the session's first."""
    return act.PrepareReply(speculative_id, "", "", True, list(messages), Policy().first_temperature, speculative=True)


def audio(reply_id: str, seconds: float) -> Event:
    """So much of a reply is synthesised."""
    return ev.ReplyAudioArrived(reply_id, round(seconds * SAMPLE_RATE))


def release(reply_id: str, start: float, seconds: float) -> Action:
    """So much of a reply is sent, from `start` on."""
    return act.ReleaseAudio(reply_id, round(start * SAMPLE_RATE), round(seconds * SAMPLE_RATE))


def samples(seconds: float) -> int:
    """So many seconds of audio, in samples."""
    return round(seconds * SAMPLE_RATE)


def resume_text(reply_id: str, *messages: Message) -> Action:
    """The model is asked for the rest of the session's first reply."""
    return act.ResumeText(reply_id, list(messages), Policy().first_temperature)


def answered(reply_id: str, text: str, time: float) -> tuple[Row, ...]:
    """A whole reply is written and synthesised in no time. Each of its words takes half a second."""
    words = text.split()
    return (
        *(at(time, ev.ReplyTextArrived(reply_id, f" {word}")) for word in words),
        at(time, ev.ReplyTextCompleted(reply_id)),
        *(at(time, ev.ReplyWordTimed(reply_id, word, i / 2, (i + 1) / 2)) for i, word in enumerate(words)),
        at(time, audio(reply_id, len(words) / 2)),
        at(time, ev.ReplyAudioCompleted(reply_id)),
    )


# --- how it came to that ------------------------------------------------------------------------------------------

ASKED = (at(0.5, speech), at(1.0, word("Well?")), at(1.2, pause), at(1.3, ev.Flushed(1)))
"""The person has said "Well?" (item_1), and since 1.3 reply_1 (item_2) is being prepared."""

ANSWERED = (*ASKED, *answered("reply_1", "One two three four.", 2.0))
"""The person is being told "One two three four.", from 2.0 to 4.0; the last audio is sent at 3.68."""

HEARING = (*ANSWERED, time_passes(until=2.58))
"""Of that, "One" has been heard."""

INTERRUPTIBLE = Policy(uninterruptible_window=0.0)
"""Even the first reply may be interrupted."""

PLAYING = (act.ReplyTextNotice, act.ReplyTextDoneNotice, act.ReleaseAudio, act.ReplyWordNotice)
"""The steady stream of a reply's text, audio and words, which would drown the rest of a table."""
