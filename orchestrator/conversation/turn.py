"""The person's side: whether they are speaking, and the turn they have open."""

from dataclasses import dataclass, field

from orchestrator.conversation.policy import Policy


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
    deadline: float


@dataclass(slots=True)
class Turn:
    """What the person is saying, from the first sign of speech until it is answered or found to be nothing."""

    item_id: str
    words: list[str] = field(default_factory=list)
    wordless_until: float | None = None
    """When a turn that no word has confirmed is given up, unless it has paused. None once there is a word."""
    flush: Flush | None = None
    """Set in *endpointing*: the person paused, and their last words are awaited."""
    answer_owed: bool = False
    """It cut off a reply of which nothing had been heard, and which is given after all if no words come."""

    @property
    def text(self) -> str:
        """All words so far."""
        return " ".join(self.words)
