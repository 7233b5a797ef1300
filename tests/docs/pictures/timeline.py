"""A conversation along the time, drawn from one of the scripts that show the rules at work."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.conversation import Phase, State
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.policy import SAMPLE_RATE
from tests.docs.pictures.svg import Box, Picture, Point
from tests.orchestrator.conversation.player import Player
from tests.orchestrator.conversation.rules.barge_in import WITH_CONFIRMATION
from tests.orchestrator.conversation.script import Row, Script, time_passes
from tests.orchestrator.conversation.watched import Move, Watched

WIDTH, HEIGHT = 1160, 386
LEFT, RIGHT = 150, 30
PERSON, RECOGNISER, SENT, HEARD, PHASE = 118, 166, 214, 262, 322

COLOURS = {
    Phase.WAITING: "grey",
    Phase.LISTENING: "blue",
    Phase.ENDPOINTING: "violet",
    Phase.THINKING: "amber",
    Phase.SPEAKING: "green",
    Phase.ENDED: "grey",
}


class Heard(NamedTuple):
    """A stretch of a reply that was heard without a break: since when, and which seconds of its audio."""

    at: float
    start: float
    end: float


def barge_in() -> str:
    """The picture of a reply that is cut short."""
    [script] = [each for each in WITH_CONFIRMATION.scripts if each.title.startswith("A word cancels the reply")]
    return _Timeline("“Wait.”: the reply is held at once, and a word cancels it", script, 0.3, 3.75).drawn()


def cough() -> str:
    """The picture of a reply that goes on."""
    [script] = [each for each in WITH_CONFIRMATION.scripts if each.title.startswith("A pause without words")]
    return _Timeline("A cough: the reply is held, and goes on where it stopped", script, 0.3, 4.55).drawn()


class _Timeline:
    def __init__(self, title: str, script: Script, begin: float, end: float) -> None:
        conversation = Watched(State(policy=script.policy))
        player = Player(conversation, microphone_is_open=script.microphone_is_open)
        for row in (*script.given, *script.rows, time_passes(until=end)):
            player.play(row)
        self._rows: Sequence[Row] = player.rows
        self._moves: Sequence[Move] = conversation.moves
        self._begin, self._end = begin, end
        self._picture = Picture(WIDTH, HEIGHT, title, f"{script.title}.")
        self._picture.text(Point(36, 38), title, size=17, weight=700, anchor="start")

    def drawn(self) -> str:
        self._axis()
        self._turning_points()
        self._person()
        self._sent()
        self._heard()
        self._phases()
        return self._picture.written()

    def _x(self, time: float) -> float:
        return LEFT + (time - self._begin) / (self._end - self._begin) * (WIDTH - LEFT - RIGHT)

    def _bar(
        self, start: float, end: float, y: float, colour: str, words: str = "", *, height: float = 28, dash: str = ""
    ) -> None:
        left, right = self._x(start), self._x(min(end, self._end))
        box = Box(Point((left + right) / 2, y), max(right - left - 2, 2), height)
        self._picture.rect(box, fill="none" if dash else colour, line=f"{colour}-line", radius=6, dash=dash)
        if words:
            self._picture.text(box.centre, words, size=12, colour="soft" if dash else "ink")

    def _axis(self) -> None:
        lanes = {PERSON: "person", RECOGNISER: "recogniser", SENT: "reply, sent", HEARD: "reply, heard", PHASE: "phase"}
        for y, name in lanes.items():
            self._picture.text(Point(36, y), name, size=13, weight=600, anchor="start")
            self._picture.line(Point(LEFT, y), Point(WIDTH - RIGHT, y), colour="edge")
        for half_seconds in range(int(self._begin * 2) + 1, int(self._end * 2) + 1):
            time = half_seconds / 2
            self._picture.text(Point(self._x(time), HEIGHT - 22), f"{time:g} s", size=11, colour="soft")

    def _turning_points(self) -> None:
        """The actions that decide, above everything."""
        for row in self._rows:
            for action in row.actions:
                if told := _decision(action):
                    x, colour = self._x(row.time), told[1]
                    self._picture.line(Point(x, 84), Point(x, PHASE + 22), colour=colour, dash="3 4")
                    self._picture.text(Point(x, 74), told[0], size=12, weight=600, colour=colour, halo=True)

    def _person(self) -> None:
        since: float | None = None
        for row in self._rows:
            match row.event:
                case ev.PauseScored(probability=probability) if probability < 0.5:
                    since = row.time if since is None else since
                case ev.PauseScored() if since is not None:
                    self._bar(since, row.time, PERSON, "blue", "speaks" if row.time - since > 0.3 else "")
                    since = None
                case ev.WordRecognized(text=text):
                    self._picture.text(Point(self._x(row.time), RECOGNISER), text, size=13, weight=600, halo=True)
                case ev.Flushed():
                    at = Point(self._x(row.time), RECOGNISER)
                    self._picture.text(at, "that is all", size=11, colour="soft", halo=True)

    def _sent(self) -> None:
        for row in self._rows:
            for action in row.actions:
                if isinstance(action, act.ReleaseAudio):
                    frames = action.samples / SAMPLE_RATE / 0.08
                    self._picture.rect(
                        Box(Point(self._x(row.time), SENT), 5, 8 + 5 * min(frames, 4)), fill="green-line", radius=2
                    )

    def _heard(self) -> None:
        words = [row.event for row in self._rows if isinstance(row.event, ev.ReplyWordTimed)]
        stretches = list(self._stretches())
        for word in words:
            for stretch in stretches:
                start, end = max(word.start, stretch.start), min(word.end, stretch.end)
                if end - start > 0.01:
                    at = stretch.at + start - stretch.start
                    self._bar(at, at + end - start, HEARD, "green", word.text if end - start > 0.2 else "")
        last = stretches[-1]
        for word in words:
            start = max(word.start, last.end)
            at = last.at + start - last.start
            if word.end - start > 0.01 and at < self._end:
                whole = start == word.start and last.at + word.end - last.start <= self._end
                self._bar(at, last.at + word.end - last.start, HEARD, "grey", word.text if whole else "", dash="4 4")

    def _stretches(self) -> Iterator[Heard]:
        """What was heard of the reply: what is sent is heard at once, or after what was sent before."""
        present: Heard | None = None
        for row in self._rows:
            for action in row.actions:
                if isinstance(action, act.ReleaseAudio):
                    start, end = action.start / SAMPLE_RATE, (action.start + action.samples) / SAMPLE_RATE
                    if present and row.time <= present.at + present.end - present.start + 1e-6:
                        present = present._replace(end=end)
                    else:
                        if present:
                            yield present
                        present = Heard(row.time, start, end)
        if present:
            yield present

    def _phases(self) -> None:
        starts = [(self._begin, Phase.WAITING), *((move.at, move.after) for move in self._moves)]
        for (start, phase), (end, _) in zip(starts, [*starts[1:], (self._end, None)], strict=True):
            if end - start > 0.01:
                name = phase.value if self._x(end) - self._x(start) > 7 * len(phase.value) + 8 else ""
                self._bar(max(start, self._begin), end, PHASE, COLOURS[phase], name)


def _decision(action: act.Action) -> tuple[str, str] | None:
    match action:
        case act.ReplyHeldNotice():
            return "held", "blue-line"
        case act.ReplyResumedNotice():
            return "resumed", "green-line"
        case act.CancelReply(heard_text=heard):
            return f"cancelled; “{heard}” was heard", "red-line"
        case _:
            return None
