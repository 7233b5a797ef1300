"""The actions of a conversation. Offsets are seconds of the session's microphone unless they say otherwise.

There are two kinds. An order has the shell do something; its name is an imperative. A notice reports something to the
client; its name ends in `Notice`.
"""

import enum
from dataclasses import dataclass

from orchestrator.conversation.playout import Position
from orchestrator.conversation.transcript import Message


class SpeechCause(enum.Enum):
    """What showed that the person started, or stopped, speaking."""

    DETECTED = "detected"
    WORD = "word"
    SILENCE = "silence"
    TYPED = "typed"


class CancelCause(enum.Enum):
    """Why a reply ended early."""

    SPEECH_DETECTED = "speech_detected"
    WORD_RECOGNIZED = "word_recognized"
    TYPED = "typed"
    FAILED = "failed"
    REQUESTED = "requested"
    RESUMED = "resumed"


class EndCause(enum.Enum):
    """Why a conversation is over."""

    GOODBYE = "goodbye"
    FINISHED = "finished"
    SILENCE = "silence"


# --- orders -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestFlush:
    """Ask the recogniser for everything said so far."""

    flush_id: int


@dataclass(frozen=True, slots=True)
class PrepareReply:
    """Start a reply: ask the language model, and synthesise what it says if `spoken`.

    With a `script`, that text is the reply and no model is asked. With a `beginning`, which may be empty, the reply
    begins with that text, which the model has written, and the model is asked for the rest; `messages` ends with it. A
    `speculative` reply is prepared before the person's turn is over. `ConfirmSpeculativeReply` gives it its ids; nobody
    hears of it before.
    """

    reply_id: str
    item_id: str
    voice: str
    spoken: bool
    messages: list[Message]
    temperature: float
    script: str | None = None
    beginning: str | None = None
    speculative: bool = False


@dataclass(frozen=True, slots=True)
class ConfirmSpeculativeReply:
    """The speculative reply `speculative_id` answers what was said: it is the reply `reply_id` from now on."""

    speculative_id: str
    reply_id: str
    item_id: str
    voice: str


@dataclass(frozen=True, slots=True)
class DropSpeculativeReply:
    """Stop preparing a speculative reply, of which the model has written so many `words`. It answers nothing."""

    reply_id: str
    words: int


@dataclass(frozen=True, slots=True)
class ResumeSynthesis:
    """Have another synthesis speak a reply from a position on. What there is of its audio after that is dropped."""

    reply_id: str
    at: Position


@dataclass(frozen=True, slots=True)
class ResumeText:
    """Ask the language model for the rest of a reply. `messages` ends with what it has written."""

    reply_id: str
    messages: list[Message]
    temperature: float


@dataclass(frozen=True, slots=True)
class AbandonText:
    """The language model will write no more of a reply: have it end with an apology if it broke off in a sentence."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class WarnOfLostVoice:
    """Warn the client: no more of a reply can be spoken."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class ReleaseAudio:
    """Send the reply's next `samples`, which begin at its sample `start`."""

    reply_id: str
    start: int
    samples: int


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop preparing a reply, and drop what is queued of it. `heard` is seconds of its audio."""

    reply_id: str
    cause: CancelCause
    heard_text: str
    heard: float


@dataclass(frozen=True, slots=True)
class EndConversation:
    """Close the session. Nothing follows."""

    cause: EndCause


# --- notices ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SpeechStartedNotice:
    """The person has begun to speak."""

    item_id: str
    offset: float
    cause: SpeechCause


@dataclass(frozen=True, slots=True)
class UserWordNotice:
    """A word of the person's is certain."""

    item_id: str
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class UserPartialNotice:
    """What the person is saying, not yet certain."""

    text: str


@dataclass(frozen=True, slots=True)
class SpeechStoppedNotice:
    """The person seems to have stopped speaking."""

    item_id: str
    offset: float
    cause: SpeechCause


@dataclass(frozen=True, slots=True)
class TurnEndedNotice:
    """The person's turn is complete and will be answered."""

    item_id: str
    text: str
    cause: SpeechCause


@dataclass(frozen=True, slots=True)
class TurnDiscardedNotice:
    """What had begun as a turn held no words."""

    item_id: str


@dataclass(frozen=True, slots=True)
class TurnRestoredNotice:
    """The conversation goes on elsewhere, with this turn of the person's; `cause` None: it is open."""

    item_id: str
    text: str
    cause: SpeechCause | None


@dataclass(frozen=True, slots=True)
class ReplyTextNotice:
    """The language model wrote a word, with its leading space."""

    reply_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplyTextDoneNotice:
    """The language model has written all of a reply."""

    reply_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplyWordNotice:
    """A word of a reply is being heard; offsets are seconds of the reply's audio."""

    reply_id: str
    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class ReplyHeldNotice:
    """A reply has stopped, perhaps for good. `heard` is seconds of its audio."""

    reply_id: str
    heard: float


@dataclass(frozen=True, slots=True)
class ReplyResumedNotice:
    """A reply goes on where it stopped."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class ReplyReleasedNotice:
    """All of a reply has been released. `duration` is seconds of its audio."""

    reply_id: str
    text: str
    duration: float


@dataclass(frozen=True, slots=True)
class ReplyFinishedNotice:
    """A reply has been heard to its end."""

    reply_id: str
    text: str


ConversationAction = (
    RequestFlush
    | EndConversation
    | SpeechStartedNotice
    | UserWordNotice
    | UserPartialNotice
    | SpeechStoppedNotice
    | TurnEndedNotice
    | TurnDiscardedNotice
    | TurnRestoredNotice
)
"""Actions that are not about one reply."""

ReplyAction = (
    PrepareReply
    | ConfirmSpeculativeReply
    | DropSpeculativeReply
    | ResumeSynthesis
    | ResumeText
    | AbandonText
    | WarnOfLostVoice
    | ReleaseAudio
    | CancelReply
    | ReplyTextNotice
    | ReplyTextDoneNotice
    | ReplyWordNotice
    | ReplyHeldNotice
    | ReplyResumedNotice
    | ReplyReleasedNotice
    | ReplyFinishedNotice
)
"""Actions about one reply."""

Action = ConversationAction | ReplyAction
