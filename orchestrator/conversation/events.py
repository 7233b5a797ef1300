"""What can happen to a conversation: each name ends in a participle.

Offsets are seconds of the session's microphone unless they say otherwise.
"""

from dataclasses import dataclass

from orchestrator.conversation.policy import Policy
from orchestrator.conversation.transcript import Item, ReplySoFar


@dataclass(frozen=True, slots=True)
class SessionConfigured:
    """The session's settings were given or changed. `None` leaves a field as it is."""

    policy: Policy | None = None
    instructions: str | None = None
    """The system prompt, complete."""
    voice: str | None = None


@dataclass(frozen=True, slots=True)
class MicrophoneAudioArrived:
    """Samples of the person's microphone arrived."""

    samples: int


@dataclass(frozen=True, slots=True)
class PauseScored:
    """The recogniser judged how likely the person is pausing (0 to 1), having heard everything up to `offset`."""

    probability: float
    offset: float


@dataclass(frozen=True, slots=True)
class WordRecognized:
    """A word of the person's is certain."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class PartialRecognized:
    """What the recogniser takes to follow the last certain word. The next one replaces it."""

    text: str


@dataclass(frozen=True, slots=True)
class Flushed:
    """Every word spoken before the flush has been reported."""

    flush_id: int


@dataclass(frozen=True, slots=True)
class RecognizerChanged:
    """Another recogniser listens from now on. It may take `flush_limit` seconds to answer a flush; None: unknown."""

    flush_limit: float | None


@dataclass(frozen=True, slots=True)
class RecognizerLost:
    """No recogniser listens until `RecognizerChanged`, which will be given what is said meanwhile.

    Until then, but for at most `Policy.unheard_limit`, missing words decide nothing.
    """


@dataclass(frozen=True, slots=True)
class UserTyped:
    """The person typed a turn. `item_id` is kept when the client gave one."""

    text: str
    item_id: str | None = None


@dataclass(frozen=True, slots=True)
class HistoryGiven:
    """The client brought what was said before. Items without an id get one."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class TurnCommitted:
    """The client says that the person's turn is over."""


@dataclass(frozen=True, slots=True)
class CancellationRequested:
    """The client wants a reply to stop. `reply_id` None: the one there is."""

    reply_id: str | None = None


@dataclass(frozen=True, slots=True)
class SayRequested:
    """The client wants a text spoken as a reply."""

    text: str


@dataclass(frozen=True, slots=True)
class FinishRequested:
    """The client will send nothing more: the conversation ends after the current reply."""


@dataclass(frozen=True, slots=True)
class ConversationResumed:
    """The conversation goes on from a state that was written down, with what its client has seen after that.

    The microphone arrives again from sample `position` on.
    """

    position: int
    words: tuple[str, ...] = ()
    """The further words of the open turn."""
    reply: ReplySoFar | None = None
    """The reply that was in progress. None: nothing is known of it but what is written down."""


@dataclass(frozen=True, slots=True)
class ReplyTextArrived:
    """The language model wrote a word of a reply, with its leading space."""

    reply_id: str
    text: str


@dataclass(frozen=True, slots=True)
class ReplyTextCompleted:
    """The language model has written all of a reply."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class ReplyAudioArrived:
    """Samples of a reply were synthesised."""

    reply_id: str
    samples: int


@dataclass(frozen=True, slots=True)
class ReplyWordTimed:
    """A word lies between two offsets, in seconds of the reply's audio.

    When it has been spoken, so have the first `written` words of the reply's text. None: one more than before it.
    """

    reply_id: str
    text: str
    start: float
    end: float
    written: int | None = None


@dataclass(frozen=True, slots=True)
class ReplyPlaybackReported:
    """The client reports how many seconds of a reply it has played, and whether playback is paused."""

    reply_id: str
    played: float
    paused: bool = False


@dataclass(frozen=True, slots=True)
class ReplyAudioCompleted:
    """All of a reply's audio and words have arrived."""

    reply_id: str


@dataclass(frozen=True, slots=True)
class ReplyTextFailed:
    """The language model failed in the middle of a reply, or before it. `lasting`: asking again cannot help."""

    reply_id: str
    lasting: bool = False


@dataclass(frozen=True, slots=True)
class ReplyAudioFailed:
    """The synthesis of a reply failed, or none could be found. `lasting`: another one cannot help."""

    reply_id: str
    lasting: bool = False


UserEvent = (
    SessionConfigured
    | MicrophoneAudioArrived
    | PauseScored
    | WordRecognized
    | PartialRecognized
    | Flushed
    | RecognizerChanged
    | RecognizerLost
    | ConversationResumed
    | UserTyped
    | HistoryGiven
    | TurnCommitted
    | CancellationRequested
    | SayRequested
    | FinishRequested
)
"""Events on the person's side: their speech, their typing, and what their client asks for."""

ReplyEvent = (
    ReplyTextArrived
    | ReplyTextCompleted
    | ReplyTextFailed
    | ReplyAudioArrived
    | ReplyWordTimed
    | ReplyAudioCompleted
    | ReplyAudioFailed
    | ReplyPlaybackReported
)
"""Events about one reply. Those about a reply that is no longer alive are ignored."""

Event = UserEvent | ReplyEvent
