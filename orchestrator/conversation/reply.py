"""The life of a reply.

    preparing ──▶ ready ──▶ speaking ⇄ held        preparing: the model is asked, synthesis runs
        │           │          │        │          ready:     it could be heard, and nothing of it has been
        │           │          ├──▶ finished       speaking:  audio is being released, or heard
        ▼           ▼          ▼        ▼          held:      a person may be speaking over it
    cancelled   cancelled  cancelled  cancelled

A reply is released to the listener only while the floor is free, that is, while the person has no open turn. A turn
that opens over a reply makes a *ready* one wait and a *speaking* one held; when the turn turns out to be nothing, the
reply goes on from where it was. Speech that resumes while an answer is prepared, false interruptions and a
speculative reply are all this one rule.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias, assert_never

from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action, CancelCause
from orchestrator.conversation.playout import Playout, Position, TimedWord
from orchestrator.conversation.policy import Policy

UNTIMED_LIMIT = 2.0
"""Seconds of audio that may be released before its first word is timed: an engine may begin with silence."""

Do: TypeAlias = Callable[[Action], None]
"""Takes an action, to be performed after those before it."""


class Life(enum.Enum):
    """Where a reply is in its life."""

    PREPARING = "preparing"
    READY = "ready"
    SPEAKING = "speaking"
    HELD = "held"
    FINISHED = "finished"
    CANCELLED = "cancelled"


MOVES: dict[Life, frozenset[Life]] = {
    Life.PREPARING: frozenset({Life.READY, Life.CANCELLED}),
    Life.READY: frozenset({Life.SPEAKING, Life.CANCELLED}),
    Life.SPEAKING: frozenset({Life.HELD, Life.FINISHED, Life.CANCELLED}),
    Life.HELD: frozenset({Life.SPEAKING, Life.CANCELLED}),
    Life.FINISHED: frozenset(),
    Life.CANCELLED: frozenset(),
}
"""Every move there is; any other is a bug."""


@dataclass(slots=True)
class Reply:
    """One reply of the model's."""

    reply_id: str
    item_id: str
    spoken: bool
    first: bool
    """It is the session's first."""
    greeting: bool = False
    """Nothing was said in the session before it."""
    life: Life = Life.PREPARING
    temperature: float = 0.0
    texts: list[str] = field(default_factory=list)
    """The words that the language model has written, each with the space that goes before it."""
    written: bool = False
    """It writes no more of it."""
    text_failures: int = 0
    """How often the language model broke off."""
    playout: Playout = field(default_factory=Playout)
    voice_failures: int = 0
    """How many syntheses were lost since a further word was spoken."""
    voiceless_since: float | None = None
    """When the first of them was lost; None: none was."""
    voice_lost_at: int = 0
    """How many words of the text had been spoken when the last was lost."""
    voice_lost: bool = False
    """No more of it can be spoken: it is over when what there is has been heard."""
    released_at: float | None = None
    """When the last of it was released."""

    def move(self, life: Life) -> None:
        """Go on to another stage of life; ValueError if it cannot be reached from here."""
        if life not in MOVES[self.life]:
            raise ValueError(f"{self.reply_id} cannot go from {self.life.value} to {life.value}")
        self.life = life

    @property
    def text(self) -> str:
        """What the language model has written."""
        return "".join(self.texts)

    @property
    def is_heard(self) -> bool:
        """Whether the person hears it, or would but for a hold."""
        return self.life in (Life.SPEAKING, Life.HELD)

    @property
    def full_text(self) -> str:
        """Everything the reply says: the words as they were spoken, or as written where none were timed."""
        return " ".join(word.text for word in self.playout.words) or self.text.strip()

    def heard_text(self, now: float) -> str:
        """Return what the person can have taken in of it by now."""
        return self.playout.heard_text(now) if self.spoken else self.text.strip()

    def uninterruptible(self, now: float, window: float) -> bool:
        """Tell whether detected speech must leave the reply alone: the first one, until heard for `window` seconds.

        Before its first audio a reply can be interrupted: there is no echo yet, and the person may be continuing the
        turn. A greeting cannot, since the noise of a microphone being switched on would cancel it.
        """
        origin = self.playout.origin
        if origin is None:
            return self.greeting and window > 0
        return self.first and now < origin + window

    def handle(self, event: ev.ReplyEvent, now: float, do: Do) -> None:
        """Take in an event about this reply. Failures are the conversation's business."""
        match event:
            case ev.ReplyTextArrived():
                self.texts.append(event.text)
                do(act.ReplyTextNotice(self.reply_id, event.text))
            case ev.ReplyTextCompleted():
                self.written = True
                do(act.ReplyTextDoneNotice(self.reply_id, self.text))
                if not self.spoken or not self.text.strip():  # There is nothing to synthesise: the reply ends here.
                    self.playout.complete = True
            case ev.ReplyAudioArrived():
                self.playout.arrived += event.samples
            case ev.ReplyWordTimed():
                words = self.playout.words
                written = (words[-1].written if words else 0) + 1 if event.written is None else event.written
                words.append(TimedWord(event.text, event.start, event.end, written))
            case ev.ReplyPlaybackReported():
                self.playout.report(now, event.played, paused=event.paused)
            case ev.ReplyAudioCompleted():
                self.playout.complete = True
            case ev.ReplyTextFailed() | ev.ReplyAudioFailed():
                raise ValueError(f"{event} is for the conversation to handle")
            case _:
                assert_never(event)

    def catch_up(self, do: Do) -> None:
        """Announce all that was written."""
        for text in self.texts:
            do(act.ReplyTextNotice(self.reply_id, text))
        if self.written:
            do(act.ReplyTextDoneNotice(self.reply_id, self.text))

    def lose_synthesis(self, now: float, policy: Policy, do: Do, *, lasting: bool) -> None:
        """Go on with another synthesis. Give up after `policy`'s limits, or at once if the failure is `lasting`.

        The limits count losses between which no further word was spoken.
        """
        at = self._spoken_in(self.playout.arrived)
        if self.voiceless_since is None or at.word > self.voice_lost_at:
            self.voice_failures, self.voiceless_since = 0, now
        self.voice_failures, self.voice_lost_at = self.voice_failures + 1, at.word
        exhausted = self.voice_failures > policy.voice_tries or now - self.voiceless_since >= policy.voice_limit
        if lasting or exhausted or self._is_untimed:
            self._lose_voice(do)
            return
        if self.written and not any(map(_is_spoken, self.texts[at.word :])):
            self.playout.complete = True  # Only the end of the stream is missing.
            return
        self.playout.cut(at.sample)
        do(act.ResumeSynthesis(self.reply_id, at))

    def _spoken_in(self, samples: int) -> Position:
        """Return up to where the first `samples` hold whole words: a part of a word is spoken again, as a whole.

        What was released cannot be taken back.
        """
        words = [word for word in self.playout.words if word.end_sample <= samples]
        written = words[-1].written if words else 0
        # Further words with the same count are parts of a written word that was not spoken to its end.
        last = next((word for word in words if word.written == written), None)
        return Position(written, max(self.playout.released, last.end_sample if last and written else 0))

    @property
    def _is_untimed(self) -> bool:
        """Whether much was released without a word being timed, so that nothing tells what it was."""
        return not self.playout.words and self.playout.duration > UNTIMED_LIMIT

    def _lose_voice(self, do: Do) -> None:
        """Be heard as far as there is audio; words that never became sound are not part of the reply."""
        playout = self.playout
        end = playout.arrived
        playout.words = [word for word in playout.words if word.end_sample <= end]
        playout.announced = min(playout.announced, len(playout.words))
        playout.complete = self.voice_lost = True
        do(act.WarnOfLostVoice(self.reply_id))

    def advance(self, now: float, lead: float, do: Do, *, floor_is_free: bool) -> None:
        """Do what is due: release audio, announce words, finish."""
        if self.life is Life.PREPARING and (self.playout.arrived or self.playout.complete):
            self.move(Life.READY)
        if self.life is Life.READY and floor_is_free:
            self.move(Life.SPEAKING)
        if self.life is Life.SPEAKING:
            start = self.playout.released
            if samples := self.playout.release(now, lead):
                do(act.ReleaseAudio(self.reply_id, start, samples))
        if self.is_heard:
            for word in self.playout.announce(now):
                do(act.ReplyWordNotice(self.reply_id, word.text, word.start, word.end))
        if self.life is not Life.SPEAKING or not self.playout.done:
            return
        if self.released_at is None:
            self.released_at = now
            if not self.voice_lost:
                do(act.ReplyReleasedNotice(self.reply_id, self.full_text, self.playout.duration))
        if self.playout.is_heard_out(now) and not self.voice_lost:
            self.move(Life.FINISHED)
            do(act.ReplyFinishedNotice(self.reply_id, self.full_text))

    def has_broken_off(self, now: float) -> bool:
        """Whether its voice was lost, and all that there is of it has been heard."""
        return self.voice_lost and self.released_at is not None and self.playout.is_heard_out(now)

    def deadline(self, lead: float) -> float | None:
        """Return when `advance` has something to do, if nothing happens before."""
        if not self.is_heard:
            return None
        if self.life is Life.SPEAKING and self.released_at is not None:
            return self.playout.heard_at
        return self.playout.deadline(lead if self.life is Life.SPEAKING else None)

    def hold(self, now: float, do: Do) -> None:
        """Stop releasing, if anything was being released."""
        if self.life is Life.SPEAKING:
            self.move(Life.HELD)
            do(act.ReplyHeldNotice(self.reply_id, self.playout.heard(now)))

    def resume(self, do: Do) -> None:
        """Go on after a hold."""
        if self.life is Life.HELD:
            self.move(Life.SPEAKING)
            do(act.ReplyResumedNotice(self.reply_id))

    def cancel(self, cause: CancelCause, now: float, do: Do) -> None:
        """End early."""
        self.move(Life.CANCELLED)
        do(act.CancelReply(self.reply_id, cause, self.heard_text(now), self.playout.heard(now)))


@dataclass(slots=True)
class CutReply:
    """A reply that was cut short, while it may still become known how much of it was heard."""

    reply: Reply
    heard_text: str
    """As far as is known."""

    def correct(self, played: float) -> None:
        """Believe the client that has fallen silent after so many seconds."""
        if self.reply.spoken:
            self.heard_text = self.reply.playout.text_until(self.reply.playout.believed(played))


def _is_spoken(word: str) -> bool:
    return any(map(str.isalnum, word))
