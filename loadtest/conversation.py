"""What a user notes of a conversation: events with their times become turns. It does no I/O and reads no clock."""

from collections.abc import Callable

from loadtest.sessions import Mark, Outcome, SessionRecord, Turn

GAP_S = 0.02
"""A gap in the audio that nobody hears."""

WITHOUT_AUDIO_S = 0.1
"""A reply with less audio has said nothing: the edge ends every reply with 80 ms of silence in Unmute's dialect."""


class Playback:
    """A loudspeaker that plays audio as soon as it comes, and what it lacked."""

    def __init__(self) -> None:
        self.ends = 0.0
        """When what has come will have been played."""
        self._playing = False

    def begin(self) -> None:
        """A new reply, or one that goes on after it was held: the silence before it is none of its gaps."""
        self._playing = False

    def feed(self, now: float, seconds: float) -> float:
        """Take audio that came at `now`; the seconds of silence that were heard before it."""
        gap = now - self.ends if self._playing else 0.0
        self._playing = True
        self.ends = max(self.ends, now) + seconds
        return gap if gap > GAP_S else 0.0


class ConversationLog:
    """Keeps the turns of one session, of a test that `began` then. `changed` is called when the user may want to act.

    A reply belongs to the turn that was open when it was created. Audio that comes without an open reply is noted as
    late in the turn before.
    """

    def __init__(self, record: SessionRecord, began: float, changed: Callable[[], None]) -> None:
        self._record = record
        self._began = began
        self._asked_at = began
        self._changed = changed
        self._playback = Playback()
        self._turn: Turn | None = None
        self._speaking_since: float | None = None
        self._reply_of: Turn | None = None
        self._last_audio: float | None = None
        self._has_left = False
        self.replying = False
        """Whether a reply is being prepared or sent."""

    @property
    def has_audio(self) -> bool:
        """Whether the present turn's reply can be heard."""
        return self._turn is not None and Mark.FIRST_AUDIO in self._turn.marks

    @property
    def speaking(self) -> bool:
        """Whether the user still speaks."""
        return self._speaking_since is not None

    @property
    def turn_over(self) -> bool:
        """Whether the present turn has its outcome."""
        return self._turn is None or self._turn.outcome is not None

    @property
    def quiet_at(self) -> float:
        """When all audio that has come will have been played."""
        return self._playback.ends

    def speech_began(self, now: float) -> None:
        """The user begins to speak; over a reply, if there is one."""
        self._speaking_since = now
        self._last_audio = None

    def speech_ended(self, at: float) -> None:
        """The user's last sound was at `at`: a turn begins."""
        if self._turn is not None and self._turn.outcome is None:
            self._close(Outcome.INTERRUPTED if self._turn is self._reply_of else Outcome.UNANSWERED)
        self._speaking_since = None
        self._asked_at = at
        self._turn = Turn(self._record.number, at - self._began)
        self._record.turns.append(self._turn)
        self._changed()

    def speech_stopped(self, now: float) -> None:
        """The mesh has noticed the pause."""
        self._mark(Mark.SPEECH_STOPPED, now)

    def reply_created(self, now: float) -> None:
        """The mesh prepares a reply."""
        self._mark(Mark.REPLY_CREATED, now)
        self.replying = True
        self._reply_of = self._turn if self._turn is not None and self._turn.outcome is None else None
        self._playback.begin()
        self._changed()

    def text(self, now: float) -> None:
        """The reply's next words."""
        if self._reply_of is self._turn:
            self._mark(Mark.FIRST_TEXT, now)

    def audio(self, now: float, seconds: float) -> None:
        """The reply's next audio."""
        turn = self._reply_of
        if not self.replying:
            if self._record.turns:
                self._record.turns[-1].late_audio += 1
            return
        self._last_audio = now
        gap = self._playback.feed(now, seconds)
        if turn is None:
            return
        turn.audio_s += seconds
        if gap:
            turn.underruns += 1
            turn.underrun_s += gap
        if turn is self._turn and Mark.FIRST_AUDIO not in turn.marks:
            self._mark(Mark.FIRST_AUDIO, now)
            self._changed()

    def reply_resumed(self) -> None:
        """A reply that was held goes on."""
        self._playback.begin()

    def reply_ended(self, *, complete: bool) -> None:
        """The reply is over: all of it was sent, or it was cut short."""
        turn, self._reply_of, self.replying = self._reply_of, None, False
        if turn is not None and turn.outcome is None:
            spoken_over = self._speaking_since is not None and not complete
            if spoken_over and self._speaking_since is not None and turn.audio_s:
                last = self._last_audio or self._speaking_since
                turn.stopped_after_s = max(0.0, last - self._speaking_since)
            if turn.audio_s < WITHOUT_AUDIO_S and not spoken_over:
                turn.outcome = Outcome.WITHOUT_AUDIO
                turn.marks.pop(Mark.FIRST_AUDIO, None)
            else:
                turn.outcome = Outcome.ANSWERED if complete or spoken_over else Outcome.INTERRUPTED
        self._changed()

    def warned(self, reason: str) -> None:
        """The mesh has warned of something; the session goes on."""
        self._record.warnings.append(reason)

    def gave_up(self) -> None:
        """The user waits no longer for the answer."""
        if self._turn is not None and self._turn.outcome is None:
            self._close(Outcome.INTERRUPTED if self.has_audio else Outcome.UNANSWERED)

    def left(self) -> None:
        """The user goes. What comes now is not noted, and an open turn stays without an outcome."""
        self._has_left = True

    def lost(self) -> None:
        """The session is gone."""
        if self._has_left:
            return
        if self._turn is not None and self._turn.outcome is None:
            self._close(Outcome.LOST)
        self.replying = False
        self._changed()

    def _close(self, outcome: Outcome) -> None:
        if self._turn is not None:
            self._turn.outcome = outcome

    def _mark(self, mark: Mark, now: float) -> None:
        turn = self._turn
        if turn is not None and turn.outcome is None:
            turn.marks.setdefault(mark, now - self._asked_at)
