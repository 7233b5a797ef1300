"""Events and their times, and the turns that become of them. The test began at 100."""

from collections.abc import Callable

import pytest

from loadtest.conversation import ConversationLog, Playback
from loadtest.sessions import Mark, Outcome, SessionRecord, Turn

BEGAN = 100.0


@pytest.fixture
def record() -> SessionRecord:
    return SessionRecord(7, 0.0)


@pytest.fixture
def log(record: SessionRecord) -> ConversationLog:
    return ConversationLog(record, BEGAN, lambda: None)


def asked(log: ConversationLog, at: float = 110.0) -> None:
    log.speech_began(at - 2)
    log.speech_ended(at)


def answered(log: ConversationLog, at: float = 110.0, *, audio_s: float = 2.0) -> None:
    log.speech_stopped(at + 0.4)
    log.reply_created(at + 0.5)
    log.text(at + 0.6)
    log.text(at + 0.7)
    log.audio(at + 0.8, audio_s)


def only(record: SessionRecord) -> Turn:
    (turn,) = record.turns
    return turn


def test_a_turn_and_its_moments(log: ConversationLog, record: SessionRecord) -> None:
    asked(log)
    answered(log)
    assert log.has_audio
    assert not log.turn_over
    log.audio(111.5, 1.0)
    log.reply_ended(complete=True)
    turn = only(record)
    assert turn.at_s == pytest.approx(10)
    assert turn.session == 7
    assert {mark: round(at, 3) for mark, at in turn.marks.items()} == {
        Mark.SPEECH_STOPPED: 0.4,
        Mark.REPLY_CREATED: 0.5,
        Mark.FIRST_TEXT: 0.6,
        Mark.FIRST_AUDIO: 0.8,
    }
    assert turn.outcome is Outcome.ANSWERED
    assert turn.audio_s == 3.0
    assert turn.underruns == 0
    assert log.quiet_at == pytest.approx(113.8)


def test_playback_that_runs_dry(log: ConversationLog, record: SessionRecord) -> None:
    asked(log)
    answered(log, audio_s=0.3)
    log.audio(111.15, 0.3)
    log.audio(111.45, 0.3)
    log.reply_ended(complete=True)
    turn = only(record)
    assert turn.underruns == 1
    assert turn.underrun_s == pytest.approx(0.05)


def test_a_gap_while_a_reply_is_held_is_none() -> None:
    playback = Playback()
    assert playback.feed(1.0, 0.1) == 0
    playback.begin()
    assert playback.feed(5.0, 0.1) == 0
    assert playback.feed(5.2, 0.1) == pytest.approx(0.1)


def test_a_user_who_speaks_over_a_reply(log: ConversationLog, record: SessionRecord) -> None:
    asked(log)
    answered(log)
    log.speech_began(112.0)
    log.audio(112.25, 0.1)
    log.reply_ended(complete=False)
    log.audio(112.4, 0.1)
    log.speech_ended(113.5)
    first, second = record.turns
    assert first.outcome is Outcome.ANSWERED
    assert first.stopped_after_s == pytest.approx(0.25)
    assert first.late_audio == 1
    assert second.outcome is None


def test_a_reply_of_the_turn_before_is_none_of_the_next(log: ConversationLog, record: SessionRecord) -> None:
    asked(log)
    answered(log)
    log.speech_began(112.0)
    log.speech_ended(114.0)
    log.audio(114.1, 0.1)
    first, second = record.turns
    assert first.outcome is Outcome.INTERRUPTED, "it was not heard to its end, nor cut short in time"
    assert second.marks == {}


def created(log: ConversationLog) -> None:
    log.reply_created(111)


def heard(log: ConversationLog) -> None:
    answered(log)


def silence(log: ConversationLog) -> None:
    answered(log, audio_s=0.08)


def gave_up(log: ConversationLog) -> None:
    log.gave_up()


def ended(log: ConversationLog) -> None:
    log.reply_ended(complete=True)


def cut(log: ConversationLog) -> None:
    log.reply_ended(complete=False)


def lost(log: ConversationLog) -> None:
    log.lost()


def left(log: ConversationLog) -> None:
    log.left()
    log.lost()


@pytest.mark.parametrize(
    ("then", "outcome"),
    [
        ((gave_up,), Outcome.UNANSWERED),
        ((created, gave_up), Outcome.UNANSWERED),
        ((heard, gave_up), Outcome.INTERRUPTED),
        ((created, cut), Outcome.WITHOUT_AUDIO),
        ((silence, ended), Outcome.WITHOUT_AUDIO),
        ((heard, cut), Outcome.INTERRUPTED),
        ((heard, ended, lost), Outcome.ANSWERED),
        ((lost,), Outcome.LOST),
        ((left,), None),
    ],
)
def test_what_becomes_of_a_turn(
    log: ConversationLog,
    record: SessionRecord,
    then: tuple[Callable[[ConversationLog], None], ...],
    outcome: Outcome | None,
) -> None:
    asked(log)
    for each in then:
        each(log)
    turn = only(record)
    assert turn.outcome is outcome
    if outcome is Outcome.WITHOUT_AUDIO:
        assert Mark.FIRST_AUDIO not in turn.marks


def test_a_reply_before_the_question_has_ended_is_not_its_answer(log: ConversationLog, record: SessionRecord) -> None:
    log.speech_began(108)
    log.reply_created(109)
    log.audio(109.5, 0.5)
    log.speech_ended(110)
    assert only(record).marks == {}
    assert not log.has_audio
