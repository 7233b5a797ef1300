"""Everything a conversation knows: the person's turn, the living reply, what both have heard, and counters."""

import enum
import math
from dataclasses import dataclass, field

from orchestrator.conversation.actions import EndCause, SpeechCause
from orchestrator.conversation.policy import SAMPLE_RATE, Policy
from orchestrator.conversation.reply import CutReply, Reply
from orchestrator.conversation.transcript import Message, Transcript


class Phase(enum.Enum):
    """Where a conversation stands. It follows from the turn that is open and the reply that lives."""

    WAITING = "waiting"
    LISTENING = "listening"
    ENDPOINTING = "endpointing"
    THINKING = "thinking"
    SPEAKING = "speaking"
    ENDED = "ended"


TRANSITIONS: dict[tuple[Phase, Phase], str] = {
    (Phase.WAITING, Phase.LISTENING): "speech, or a word",
    (Phase.WAITING, Phase.THINKING): "a typed turn, a greeting, a long silence",
    (Phase.WAITING, Phase.ENDED): "goodbye, or finish",
    (Phase.WAITING, Phase.ENDPOINTING): "an overdue word",
    (Phase.LISTENING, Phase.ENDPOINTING): "a pause",
    (Phase.LISTENING, Phase.THINKING): "a typed turn, or finish",
    (Phase.LISTENING, Phase.WAITING): "no words came",
    (Phase.ENDPOINTING, Phase.LISTENING): "speech resumes",
    (Phase.ENDPOINTING, Phase.THINKING): "the words are complete",
    (Phase.ENDPOINTING, Phase.WAITING): "there were no words",
    (Phase.THINKING, Phase.LISTENING): "a word, or speech",
    (Phase.THINKING, Phase.ENDPOINTING): "a late word",
    (Phase.THINKING, Phase.SPEAKING): "first audio",
    (Phase.THINKING, Phase.WAITING): "nothing to hear",
    (Phase.SPEAKING, Phase.LISTENING): "a word, or speech",
    (Phase.SPEAKING, Phase.ENDPOINTING): "a late word",
    (Phase.SPEAKING, Phase.THINKING): "a typed turn",
    (Phase.SPEAKING, Phase.WAITING): "it was heard",
}
"""Every change of phase there is, and what brings it about. One moment may bring several, one after the other.

Where a reply is spoken over, *speech* alone leads on only with a confirmation time of 0; otherwise it holds the reply,
and the phase stays until a word confirms it. A *late* word is one that comes when the person has already paused.
"""


@dataclass(slots=True)
class Detector:
    """Hysteresis over pause scores."""

    speaking: bool = False
    armed: bool = True
    """Whether detected speech may open a turn. Noise that opened one for nothing must end before it may do so again."""

    def score(self, probability: float, policy: Policy) -> None:
        """Take in a pause score. One between the thresholds changes nothing."""
        if probability < policy.speech_threshold:
            self.speaking = True
        elif probability > policy.pause_threshold:
            self.speaking = False
            self.armed = True


@dataclass(slots=True)
class Flush:
    """A request for the rest of a turn's words."""

    flush_id: int
    asked_at: float
    position: float
    """Seconds of microphone that it covers."""
    deadline: float
    """When the turn ends if nothing happens: without an answer, and after one when the person has had time to go on."""
    answered: bool = False
    committed: bool = False
    """The client asked for it: neither speech nor unfinished words keep the turn open."""


@dataclass(slots=True)
class Turn:
    """What the person is saying, from the first sign of speech until it is answered or found to be nothing."""

    item_id: str
    opened_at: float = 0.0
    words: list[str] = field(default_factory=list)
    wordless_until: float | None = None
    """When a turn without a word is discarded, unless the person has paused. None once there is a word."""
    hold_limit: float | None = None
    """How long speech that goes on may put `wordless_until` off, while a reply is held."""
    flush: Flush | None = None
    """Set in *endpointing*: the person paused, and their last words are awaited."""
    partial: str = ""
    """What the recogniser takes to follow `words`, not yet certain."""
    speculative_replies: int = 0
    """How many were prepared for it."""
    answer_owed: bool = False
    """It cut off a reply of which nothing had been heard, and which is given after all if no words come."""

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(self.words)

    @property
    def likely_text(self) -> str:
        """All words so far, and those of the last partial."""
        return " ".join([*self.words, *self.partial.split()])


@dataclass(frozen=True, slots=True)
class EndedTurn:
    """The turn that ended last, spoken or typed. Its text is in the transcript."""

    item_id: str
    cause: SpeechCause


@dataclass(slots=True)
class SpeculativeReply:
    """A reply that is prepared before the turn is over, for the words so far. Its id is its own."""

    reply: Reply
    voice: str
    text: str
    """The turn that it answers."""
    messages: list[Message]


@dataclass(slots=True)
class OverdueTurn:
    """A turn that ended without its last words, because the recogniser was too late. They may still come."""

    turn: Turn
    flush: Flush


@dataclass(slots=True)
class Ending:
    """The conversation ends at `at`, or when noise that began before has ended, unless the person takes a turn."""

    cause: EndCause
    at: float


@dataclass(slots=True)
class State:
    """A conversation, written down. Times are seconds since the session started."""

    policy: Policy = field(default_factory=Policy)
    instructions: str | None = None
    """The system prompt; None until one was given."""
    voice: str = ""
    transcript: Transcript = field(default_factory=Transcript)
    detector: Detector = field(default_factory=Detector)
    turn: Turn | None = None
    ended_turn: EndedTurn | None = None
    reply: Reply | None = None
    """The living reply; at most one is."""
    speculative_reply: SpeculativeReply | None = None
    """The reply that answers the open turn, if it ends with the words that it seems to have."""
    speculative_replies: int = 0
    cut: CutReply | None = None
    """The reply that was cut short last, until a turn is over: a client may still report how much of it was heard."""
    microphone_samples: int = 0
    microphone_at: float = 0.0
    """When the last samples came."""
    items: int = 0
    replies: int = 0
    flushes: int = 0
    waiting_since: float | None = None
    """When it last became, or will become, the person's turn to say something; None before the first reply."""
    ending: Ending | None = None
    finishing: bool = False
    """The client will send nothing more."""
    final_flush: Flush | None = None
    """Asked for when the client finished, lest its last words be lost."""
    overdue: OverdueTurn | None = None
    flush_limit: float | None = None
    """How long the present recogniser may take to answer a flush; None: it does not say."""
    unheard_until: float | None = None
    """Until then no recogniser listens, so missing words decide nothing. None: one listens."""
    catches_up_until: float | None = None
    """Until then the recogniser has yet to hear what was said while the conversation was moved. None: it has."""
    silences: int = 0
    """Replies to silence since the person said something."""
    ended: bool = False

    @property
    def phase(self) -> Phase:
        """Where the conversation stands."""
        if self.ended:
            return Phase.ENDED
        if self.reply:
            return Phase.SPEAKING if self.reply.is_heard else Phase.THINKING
        if self.turn:
            return Phase.ENDPOINTING if self.turn.flush else Phase.LISTENING
        return Phase.WAITING

    @property
    def idle(self) -> bool:
        """Whether neither side has the floor or may soon take it. Only then does the conversation move by itself."""
        return not (self.turn or self.reply or self.final_flush)

    @property
    def position(self) -> float:
        """Seconds of microphone received."""
        return self.microphone_samples / SAMPLE_RATE

    @property
    def muted_at(self) -> float:
        """When a microphone that sends nothing more counts as a pause."""
        if self.policy.manual_turns:
            return math.inf
        return self.microphone_at + self.policy.mute_timeout

    @property
    def silent_at(self) -> float | None:
        """When the person will have been silent for too long, if the conversation is idle until then."""
        if not self.policy.silence_timeout or self.waiting_since is None:
            return None
        return self.not_before_heard(self.waiting_since + self.policy.silence_timeout)

    def not_before_heard(self, due: float) -> float:
        """`due`; while no recogniser listens, not before `unheard_until`."""
        return due if self.unheard_until is None else max(due, self.unheard_until)

    @property
    def wordless_until(self) -> float | None:
        """When the open turn is discarded if it has no words by then and the person has not paused."""
        if self.turn is None or self.turn.wordless_until is None:
            return None
        return self.not_before_heard(self.turn.wordless_until)

    def flush_ends_at(self, turn: Turn, flush: Flush) -> float:
        """When the open turn ends if nothing happens. One without a word waits for a recogniser."""
        return flush.deadline if turn.words or flush.answered else self.not_before_heard(flush.deadline)

    @property
    def deadline(self) -> float | None:
        """The first moment at which time alone changes something; None for never."""
        if self.ended:
            return None
        due: list[float | None] = []
        if self.idle:
            due += [self.silent_at, self.ending.at if self.ending else None]
        if self.final_flush:
            due.append(self.final_flush.deadline)
        if turn := self.turn:
            due += [self.flush_ends_at(turn, turn.flush)] if turn.flush else [self.wordless_until, self.muted_at]
        if self.reply:
            due += [self.reply.deadline(self.policy.pacing_lead), self.catches_up_until]
        return min((at for at in due if at is not None and at < math.inf), default=None)

    @property
    def greets(self) -> bool:
        """Whether the model speaks first now: neither side has spoken, and there are a microphone and a character."""
        untouched = self.replies == 0 and not self.transcript.items
        return self.policy.greeting and untouched and self.microphone_samples > 0 and self.instructions is not None

    def new_item(self) -> str:
        """Return the next item's id."""
        self.items += 1
        return f"item_{self.items}"

    @property
    def flush_limit_or_default(self) -> float:
        """How long a flush may take."""
        return self.policy.flush_timeout if self.flush_limit is None else self.flush_limit

    def new_flush(self, now: float, *, backlog: float = 0.0) -> Flush:
        """Return the next flush, of a recogniser that has yet to hear `backlog` seconds."""
        self.flushes += 1
        return Flush(self.flushes, now, self.position, now + self.flush_limit_or_default + backlog)
