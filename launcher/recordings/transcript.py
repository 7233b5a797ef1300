"""A recording as a text to read: who said what, and when."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from orchestrator.conversation import actions as act
from orchestrator.conversation.actions import CancelCause, SpeechCause
from orchestrator.recorder import records
from orchestrator.recorder.reading import header_of, read
from tts_proxy.spoken.text import spoken_words

_LONG_SILENCE_S = 3.0
"""A silence of this length is mentioned."""

_WIDTH = 6
"""Of the names of those who speak."""


def transcript(path: Path) -> Iterator[str]:
    """Yield the lines of the text. Raises `NotARecording`, and `OSError`."""
    header = header_of(path)
    started = datetime.fromtimestamp(header.started_wall, UTC)
    yield f"Session {header.session_id}, {started:%Y-%m-%d %H:%M:%S} UTC, recorded by Parley {header.product}"
    yield ""
    end: records.End | None = None
    entries: list[Entry] = []
    spoken = _Transcript()
    for _, line in read(path):
        if isinstance(line, records.End):
            end = line
        entries += spoken.entries(line)
    # What is begun is known when it is over, and something else may have begun and ended meanwhile.
    yield from (entry.text for entry in sorted([*entries, *spoken.rest()], key=lambda entry: entry.now))
    yield ""
    yield _ENDS[end.reason] if end else "The recording breaks off: its process was killed, or is still writing it."


_ENDS: dict[str, str] = {
    "over": "The session ended here.",
    "full": "The recording ends here, for it has the size that it may have.",
    "behind": "The recording ends here, for the disk was too slow.",
}


class Entry(NamedTuple):
    """A line of the text."""

    now: float
    who: str
    words: str

    @property
    def text(self) -> str:
        """As it is printed."""
        minutes, seconds = divmod(round(self.now, 1), 60)
        said = f"{self.who:>{_WIDTH}}: {self.words}" if self.who else f"{'':{_WIDTH}}  [{self.words}]"
        return f"{minutes:3.0f}:{seconds:04.1f}  {said}"


class _Reply:
    """The state of the reply that is in progress."""

    def __init__(self, now: float) -> None:
        self.began = now
        self.is_heard = False
        self.written: list[str] = []
        self.said: list[str] = []

    def mark_heard(self, now: float) -> None:
        """Note when it began to be heard."""
        if not self.is_heard:
            self.began, self.is_heard = now, True

    def cut(self, heard: list[str], how: str) -> Entry:
        """Return how it reads when only so many words of it were heard."""
        # What was written and cannot be spoken, a dash or a star, has no word among those that were heard.
        unheard = spoken_words("".join(self.written))[len(heard) :]
        rest = [f"(not heard: {' '.join(unheard)})"] if unheard else []
        return Entry(self.began, "parley", " ".join([*heard, f"[{how}]", *rest]))


class _Transcript:
    """Puts the entries together, each when it is over."""

    def __init__(self) -> None:
        self._turn_began: float | None = None
        self._reply: _Reply | None = None
        self._quiet_since: float | None = None

    def entries(self, line: records.Record) -> Iterator[Entry]:
        """What a line of the recording adds."""
        match line:
            case records.Warned(message=message):
                yield Entry(line.now, "", f"warning: {message}")
            case records.Step(now=now):
                for action in line.core_actions():
                    yield from self._person(action, now)
                    yield from self._reply_of(action, now)

    def rest(self) -> Iterator[Entry]:
        """What was not over when the recording was."""
        if self._reply and self._reply.written:
            yield self._reply.cut(self._reply.said, "cut off")

    def _person(self, action: act.Action, now: float) -> Iterator[Entry]:
        match action:
            case act.SpeechStartedNotice() if self._turn_began is None:
                self._turn_began = now
            case act.TurnEndedNotice(cause=SpeechCause.SILENCE):
                since, self._quiet_since = self._quiet_since, None
                yield Entry(since or now, "", f"nobody spoke for {now - (since or now):.1f} s")
            case act.TurnEndedNotice(text=text, cause=cause):
                began = now if self._turn_began is None else self._turn_began
                yield from self._silence(began)
                yield Entry(began, "you", f"{text} [typed]" if cause is SpeechCause.TYPED else text)
                self._turn_began = None
            case act.TurnDiscardedNotice():
                self._turn_began = None

    def _reply_of(self, action: act.Action, now: float) -> Iterator[Entry]:
        match action:
            case act.PrepareReply(speculative=False) | act.ConfirmSpeculativeReply():
                self._reply = _Reply(now)
            case act.ReplyTextNotice(text=text) if self._reply:
                self._reply.written.append(text)
            case act.ReleaseAudio() if self._reply:
                self._reply.mark_heard(now)
            case act.ReplyWordNotice(text=text) if self._reply:
                self._reply.mark_heard(now)
                self._reply.said.append(text)
            case act.ReplyFinishedNotice(text=text) if self._reply:
                yield from self._silence(self._reply.began)
                yield Entry(self._reply.began, "parley", text or "[nothing to say]")
                self._over(now)
            case act.CancelReply(cause=cause, heard_text=heard_text) if self._reply:
                yield from self._silence(self._reply.began)
                how = "failed" if cause is CancelCause.FAILED else "interrupted"
                yield self._reply.cut(heard_text.split(), how)
                self._over(now)

    def _over(self, now: float) -> None:
        self._reply, self._quiet_since = None, now

    def _silence(self, until: float) -> Iterator[Entry]:
        """Tell of a silence that was long, before what ended it."""
        since, self._quiet_since = self._quiet_since, None
        if since is not None and until - since >= _LONG_SILENCE_S:
            yield Entry(since, "", f"silence of {until - since:.1f} s")
