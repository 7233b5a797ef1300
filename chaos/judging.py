"""Decides from a journal whether the promises were kept. Pure functions: time is what the journal says.

A caller may be silent as long as it likes. Something is due from the end of what a person said or typed until the reply
has been heard to its end, or the person speaks again; and from the first connection until it is admitted. All sound of
a reply is placed where the client plays it: after what came before, or at once.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from chaos.journal import Dialled, Entry, Event, Lost, SpeechBegan, SpeechEnded, Typed, WordSaid

_BEGUN_S = 0.6
"""A reply that has been heard for less has just begun."""
_OVER_S = 0.5
"""A person who speaks so soon after a sound speaks over the reply."""
_BLINK_S = 0.05
"""A gap in the sound that is too short to be a silence."""
_WAITING = frozenset({"one", "moment", "please"})
"""What is said in English before a reply that is late: no part of the reply, and no apology."""


class Silence(NamedTuple):
    """Nothing was heard although something was due. `reaction`: it is the wait for a reply's first sound."""

    began: float
    ended: float
    reaction: bool

    @property
    def length_s(self) -> float:
        """How long."""
        return self.ended - self.began


class Promise(NamedTuple):
    """What a fault may cost at most, in seconds."""

    silence_s: float
    """The longest silence beyond the usual wait for a reply."""
    told_is_enough: bool = False
    """Whether a longer silence is excused by a warning or an apology within `silence_s`: nothing else could answer."""


@dataclass(frozen=True)
class Answer:
    """What was heard between a question and the next one, against the reply that the language model gives."""

    words: tuple[str, ...]
    skipped: int = 0
    repeated: int = 0
    foreign: tuple[str, ...] = ()
    """Words that are not the reply's: an apology."""
    complete: bool = False
    interrupted: bool = False
    """The person spoke before it was over."""

    @property
    def fault(self) -> str | None:
        """What is wrong with it; None: nothing."""
        if self.foreign:
            return "apology"
        if self.skipped:
            return f"{self.skipped} words of a reply left out"
        if self.repeated:
            return f"{self.repeated} words of a reply said twice"
        if not self.complete and not self.interrupted:
            return f"reply cut after {len(self.words)} words" if self.words else "no reply"
        return None


@dataclass(frozen=True)
class Outcome:
    """What became of one conversation."""

    said: int
    heard: int
    silence_s: float
    """The longest, beyond the usual wait."""
    told: bool
    """A warning or an apology came within the time promised, whenever a silence was longer."""
    lost: tuple[str, ...] = ()
    """Every loss of the conversation that the client could not mend, as its close code and reason."""
    answers: tuple[Answer, ...] = ()
    warnings: tuple[str, ...] = ()
    faults: tuple[str, ...] = field(default=())
    """The promises that were broken; empty: none."""

    @property
    def kept(self) -> bool:
        """Whether every promise was."""
        return not self.faults


def judge(journal: Sequence[Entry], *, reply: str, usual_wait_s: float, promise: Promise, ended_at: float) -> Outcome:
    """Judge one conversation, which was watched until `ended_at`.

    `reply` is what the language model answers to everything, in words that differ. `usual_wait_s` is how long the first
    sound of a reply takes without a fault.
    """
    said, heard = words_said(journal), words_heard(journal)
    found = list(answers(journal, reply))
    lost = tuple(losses(journal))
    excess, told = 0.0, True
    others = leftovers(journal, reply)
    for silence in silences([each for each in journal if not _is_of(each, others)], ended_at):
        length = silence.length_s - (usual_wait_s if silence.reaction else 0.0)
        excess = max(excess, length)
        if length > promise.silence_s:
            deadline = silence.began + promise.silence_s + (usual_wait_s if silence.reaction else 0.0)
            since = max((at for at in _person(journal) if at <= silence.began), default=silence.began)
            told = told and any(since <= at <= deadline for at in explanations(journal))
    faults = [f"lost ({each.partition(' ')[0]})" for each in lost]
    if said != heard:
        faults.append(f"{said - heard} words lost" if heard < said else f"{heard - said} words heard twice")
    # What follows the loss of a conversation is another one's.
    faults += [answer.fault for answer in found if answer.fault and not lost]
    if not lost and excess > promise.silence_s and not (promise.told_is_enough and told):
        faults.append(f"silent for {excess:.1f} s" + (", told" if told else ""))
    return Outcome(
        said=said,
        heard=heard,
        silence_s=excess,
        told=told,
        lost=lost,
        answers=tuple(found),
        warnings=tuple(warnings(journal)),
        faults=tuple(faults),
    )


def _is_of(entry: Entry, replies: set[str]) -> bool:
    return isinstance(entry, Event) and entry.body.get("replyId") in replies


def words_said(journal: Sequence[Entry]) -> int:
    """How many words the person said."""
    return sum(isinstance(entry, WordSaid) for entry in journal)


def words_heard(journal: Sequence[Entry]) -> int:
    """How many words the language model was, or will be, shown of what the person said.

    A turn's text is what counts, with the words that came too late for it. A turn that is still open has the words that
    were recognised, one that was discarded has none.
    """
    heard: dict[tuple[int, str], int] = {}
    closed: set[tuple[int, str]] = set()
    conversation = 0
    for entry in journal:
        if isinstance(entry, Dialled) and not entry.again:
            conversation += 1
        if not isinstance(entry, Event):
            continue
        item = (conversation, entry.body.get("itemId", ""))
        match entry.name:
            case "userWordRecognized":
                heard[item] = heard.get(item, 0) + 1
            case "userTurnEnded" if entry.body.get("cause") not in {"SPEECH_CAUSE_TYPED", "SPEECH_CAUSE_SILENCE"}:
                if item not in closed:
                    heard[item] = len(entry.body.get("text", "").split())
                    closed.add(item)
            case "userTurnRestored" if entry.body.get("cause") != "SPEECH_CAUSE_TYPED":
                heard[item] = len(entry.body.get("text", "").split())
                (closed.add if entry.body.get("ended") else closed.discard)(item)
            case "userTurnDiscarded":
                heard[item] = 0
            case _:
                pass
    return sum(heard.values())


def losses(journal: Sequence[Entry]) -> Iterator[str]:
    """Why the conversation itself was lost, each time: the client had to begin a new one."""
    started = False
    pending: Lost | None = None
    for entry in journal:
        match entry:
            case Event(name="started"):
                if pending is not None:
                    yield f"{pending.code} {pending.reason}".strip()
                started, pending = True, None
            case Lost() if started:
                pending = pending or entry
            case Dialled(again=True):
                pending = None
            case _:
                pass
    if pending is not None:
        yield f"{pending.code} {pending.reason}".strip()


def warnings(journal: Sequence[Entry]) -> Iterator[str]:
    """The reasons of all warnings, in order."""
    return (entry.body.get("reason", "") for entry in _events(journal, "warning"))


def explanations(journal: Sequence[Entry]) -> list[float]:
    """When the person was told that something is wrong."""
    told = {"warning", "error", "goAway"}
    return [entry.at for entry in journal if isinstance(entry, Event) and entry.name in told]


def _person(journal: Sequence[Entry]) -> list[float]:
    """When the person began to speak, or typed."""
    return [entry.at for entry in journal if isinstance(entry, SpeechBegan | Typed)]


def answers(journal: Sequence[Entry], reply: str) -> Iterator[Answer]:
    """What was heard of the replies to each question. A turn that goes on after a pause is one question."""
    expected = [_plain(word) for word in reply.split()]
    questions = _questions(journal)
    ends = [*(question.asked for question in questions[1:]), float("inf")]
    others = leftovers(journal, reply)
    for question, until in zip(questions, ends, strict=False):
        ids = {
            entry.body["replyId"] for entry in _events(journal, "replyCreated") if question.asked <= entry.at < until
        } - others
        spoken = [entry for entry in _events(journal, "replyWordSpoken") if entry.body["replyId"] in ids]
        finished = any(entry.body["replyId"] in ids for entry in _events(journal, "replyFinished"))
        yield _answer(
            [word for entry in spoken if (word := _plain(entry.body["text"])) not in _WAITING],
            expected,
            finished=finished,
            seams=max(0, len({entry.body["replyId"] for entry in spoken}) - 1),
            interrupted=question.interrupted,
        )


def leftovers(journal: Sequence[Entry], reply: str) -> set[str]:
    """Replies that were the rest of an earlier one, and ended by what the person had said over that one.

    After a loss the recogniser hears that speech again, and later. Such a rest answers no question.
    """
    first = _plain(reply.split(maxsplit=1)[0])
    began: dict[str, str] = {}
    for entry in _events(journal, "replyWordSpoken"):
        began.setdefault(entry.body["replyId"], _plain(entry.body["text"]))
    interrupted = {
        entry.body["replyId"]
        for entry in _events(journal, "replyCancelled")
        if entry.body.get("cause") == "CANCEL_CAUSE_WORD_RECOGNIZED"
    }
    return {reply_id for reply_id, word in began.items() if reply_id in interrupted and word not in (first, *_WAITING)}


def _events(journal: Sequence[Entry], name: str) -> Iterator[Event]:
    return (entry for entry in journal if isinstance(entry, Event) and entry.name == name)


def _answer(spoken: Sequence[str], expected: Sequence[str], *, finished: bool, seams: int, interrupted: bool) -> Answer:
    """Compare. At a seam, where a reply goes on after a loss, the word that was cut may be said again."""
    at, skipped, repeated = 0, 0, 0
    foreign = []
    for word in spoken:
        if word not in expected:
            foreign.append(word)
            continue
        place = expected.index(word)
        if place > at:
            skipped += place - at
        elif place < at:
            repeated += 1
        at = max(at, place + 1)
    return Answer(
        words=tuple(spoken),
        skipped=skipped,
        repeated=max(0, repeated - seams),
        foreign=tuple(foreign),
        complete=finished and at == len(expected),
        interrupted=interrupted,
    )


class _Question(NamedTuple):
    asked: float
    over: float
    """When the next one begins."""
    interrupted: bool


def _questions(journal: Sequence[Entry]) -> list[_Question]:
    """What the person asked. The next question interrupts a reply only if that is being heard."""
    asked: list[_Question] = []
    open_at: float | None = None
    for entry in journal:
        match entry:
            case SpeechEnded(at=at):
                open_at = at
            case SpeechBegan(at=at) if open_at is not None:
                asked.append(_Question(open_at, at, interrupted=True))
                open_at = None
            case Typed(at=at):
                if open_at is not None:
                    asked.append(_Question(open_at, at, interrupted=True))
                open_at = at
            case _:
                pass
    if open_at is not None:
        asked.append(_Question(open_at, float("inf"), interrupted=False))
    sounds = _sounds(journal)
    return [
        each._replace(
            interrupted=each.interrupted and any(sound.began < each.over < sound.ended + _OVER_S for sound in sounds)
        )
        for each in asked
    ]


def silences(journal: Sequence[Entry], ended_at: float) -> Iterator[Silence]:
    """Every silence in which something was due.

    What is still heard of an earlier reply after a question is no answer to it.
    """
    sounds = _sounds(journal)
    created = {entry.body["replyId"]: entry.at for entry in _events(journal, "replyCreated")}
    first = next((entry.at for entry in journal if isinstance(entry, Dialled)), None)
    if first is not None:
        admitted = next((e.at for e in journal if isinstance(e, Event) and e.name == "started"), ended_at)
        yield Silence(first, admitted, reaction=False)
    finished = [(entry.at, entry.body["replyId"]) for entry in _events(journal, "replyFinished")]
    for question in _questions(journal):
        asked, over = question.asked, min(question.over, ended_at)
        earlier = {reply_id for reply_id, at in created.items() if at < asked}
        over = min([over, *(at for at, reply_id in finished if asked <= at < over and reply_id not in earlier)])
        position, reaction = asked, True
        for began, ended, reply_id in sounds:
            if ended <= position or began >= over or reply_id in earlier:
                continue
            if began - position > _BLINK_S:
                yield Silence(position, began, reaction=reaction)
            position, reaction = max(position, min(ended, over)), False
        if over - position > _BLINK_S:
            yield Silence(position, over, reaction=reaction)


class _Sound(NamedTuple):
    """A reply is audible."""

    began: float
    ended: float
    reply_id: str


def _sounds(journal: Sequence[Entry]) -> list[_Sound]:
    """When replies were audible."""
    sounds: list[_Sound] = []
    held_s: float | None = None
    """How much was still to be played when the reply was held."""
    for entry in journal:
        if not isinstance(entry, Event):
            continue
        playing_until = sounds[-1].ended if sounds else 0.0
        reply_id = entry.body.get("replyId", "")
        match entry.name:
            case "replyAudio":
                began = max(entry.at, playing_until)
                sounds.append(_Sound(began, began + entry.body.get("audio", 0.0), reply_id))
            case "replyHeld":
                held_s = max(0.0, playing_until - entry.at)
                sounds = _until(sounds, entry.at)
            case "replyResumed" if held_s is not None:
                sounds.append(_Sound(entry.at, entry.at + held_s, reply_id))
                held_s = None
            case "replyCancelled":
                held_s = None
                sounds = _until(sounds, entry.at)
            case _:
                pass
    return sounds


def _until(sounds: list[_Sound], at: float) -> list[_Sound]:
    return [sound._replace(ended=min(sound.ended, at)) for sound in sounds if sound.began < at]


def phase_at(journal: Sequence[Entry], at: float) -> str:
    """Where the conversation stood at a time, as one of the names of `chaos.phases`."""
    past = [entry for entry in journal if entry.at <= at]
    started = any(isinstance(entry, Event) and entry.name == "started" for entry in past)
    if not started:
        return "opening"
    person = next((entry for entry in reversed(past) if isinstance(entry, SpeechBegan | SpeechEnded | Typed)), None)
    reply = [entry for entry in past if isinstance(entry, Event) and entry.name.startswith("reply")]
    over = bool(reply) and reply[-1].name in {"replyFinished", "replyCancelled"}
    if isinstance(person, SpeechBegan):
        return "held" if reply and not over else "speaking"
    if person is None or (over and reply[-1].at > person.at):
        return "listening"
    sounds = [entry for entry in reply if entry.name == "replyAudio" and entry.at >= person.at]
    if sounds:
        return "begun" if at - sounds[0].at < _BEGUN_S else "mid-reply"
    if isinstance(person, Typed):
        return "typed"
    ended = any(isinstance(e, Event) and e.name == "userTurnEnded" and e.at >= person.at for e in past)
    return "preparing" if ended else "pausing"


def usual_wait_s(journals: Sequence[Sequence[Entry]], before: float) -> float | None:
    """The median wait for the first sound of a reply among questions whose reply began before this time."""
    waits = sorted(
        silence.length_s
        for journal in journals
        for silence in silences(journal, before)
        if silence.reaction and silence.ended < before
    )
    return waits[len(waits) // 2] if waits else None


def _plain(word: str) -> str:
    return re.sub(r"\W+", "", word).lower()
