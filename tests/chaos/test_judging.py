"""Journals as tables, and what is to be made of them."""

from collections.abc import Sequence
from typing import Any

import pytest

from chaos.journal import Dialled, Entry, Event, Lost, SpeechBegan, SpeechEnded, Typed, WordSaid
from chaos.judging import Outcome, Promise, judge, phase_at, usual_wait_s

REPLY = "Alpha bravo, charlie delta."


def event(at: float, name: str, **body: Any) -> Event:
    return Event(at, name, body)


def opened(at: float = 0.0) -> list[Entry]:
    return [Dialled(at), event(at + 0.1, "started", sessionId="s")]


def said(at: float, words: int, item: str, *, heard: int | None = None) -> list[Entry]:
    """A turn that begins at `at`, of 0.3 s a word, and that is complete half a second later."""
    ended = at + 0.3 * words
    recognised = words if heard is None else heard
    return [
        SpeechBegan(at),
        *(WordSaid(at + 0.3 * number) for number in range(1, words + 1)),
        SpeechEnded(ended),
        *(event(ended + 0.2, "userWordRecognized", itemId=item, text="w") for _ in range(recognised)),
        event(ended + 0.5, "userTurnEnded", itemId=item, text="w " * recognised, cause="SPEECH_CAUSE_DETECTED"),
    ]


def spoken(at: float, reply_id: str, words: str = REPLY, *, finished: bool = True) -> list[Entry]:
    """A reply that begins at `at`, of 0.3 s a word."""
    entries: list[Entry] = [event(at - 1, "replyCreated", replyId=reply_id)]
    for number, word in enumerate(words.split()):
        began = at + 0.3 * number
        entries += [
            event(began, "replyAudio", replyId=reply_id, audio=0.3),
            event(began, "replyWordSpoken", replyId=reply_id, text=word),
        ]
    if finished:
        entries.append(event(at + 0.3 * len(words.split()), "replyFinished", replyId=reply_id))
    return entries


def judged(journal: Sequence[Entry], *, ended_at: float, promise: Promise | None = None) -> Outcome:
    # As in life, where each comes when it comes.
    journal = sorted(journal, key=lambda entry: entry.at)
    return judge(journal, reply=REPLY, usual_wait_s=2.0, promise=promise or Promise(1.0), ended_at=ended_at)


def test_a_conversation_without_a_fault_keeps_every_promise() -> None:
    outcome = judged(
        [*opened(), *said(1, 4, "1"), *spoken(4.2, "a"), *said(8, 2, "2"), *spoken(10.6, "b")], ended_at=13
    )
    assert outcome.faults == ()
    assert (outcome.said, outcome.heard) == (6, 6)
    assert outcome.silence_s == pytest.approx(0.1)
    assert [answer.complete for answer in outcome.answers] == [True, True]


def test_a_reply_that_comes_late_is_a_silence_beyond_the_usual() -> None:
    outcome = judged([*opened(), *said(1, 1, "1"), *spoken(5.3, "a")], ended_at=8)
    assert outcome.silence_s == pytest.approx(2.0)
    assert outcome.faults == ("silent for 2.0 s",)


def test_a_gap_within_a_reply_is_a_silence_from_the_end_of_what_was_played() -> None:
    first = spoken(3.3, "a", "Alpha bravo,", finished=False)
    second = spoken(6.0, "b", "charlie delta.")
    outcome = judged([*opened(), *said(1, 1, "1"), *first, *second], ended_at=8)
    assert outcome.silence_s == pytest.approx(6.0 - 3.9)
    assert outcome.faults == ("silent for 2.1 s",)
    assert outcome.answers[0].complete


def test_a_reply_that_is_dropped_is_a_silence_until_the_end() -> None:
    reply = spoken(3.3, "a", "Alpha bravo,", finished=False)
    outcome = judged(
        [*opened(), *said(1, 1, "1"), *reply, event(4, "replyCancelled", replyId="a", cause="CANCEL_CAUSE_FAILED")],
        ended_at=9.9,
    )
    assert outcome.faults == ("reply cut after 2 words", "silent for 6.0 s")


def test_a_silence_that_is_explained_is_excused_only_where_nothing_else_could_answer() -> None:
    journal = [*opened(), *said(1, 1, "1"), event(4.0, "warning", reason="LLM_FAILED"), *spoken(9.3, "a")]
    assert judged(journal, ended_at=12).faults == ("silent for 6.0 s, told",)
    assert judged(journal, ended_at=12, promise=Promise(1.0, told_is_enough=True)).faults == ()
    late = [*opened(), *said(1, 1, "1"), event(8.0, "warning", reason="LLM_FAILED"), *spoken(9.3, "a")]
    assert judged(late, ended_at=12, promise=Promise(1.0, told_is_enough=True)).faults == ("silent for 6.0 s",)


def interrupted(until: float) -> list[Entry]:
    """A question is asked over the reply to the first, at 5.0; of that reply sound is heard until then."""
    first = [entry for entry in spoken(4.2, "a") if entry.at < until]
    return [*opened(), *said(1, 4, "1"), *first, SpeechBegan(4.7), WordSaid(5.0), SpeechEnded(5.0)]


@pytest.mark.parametrize(("answered", "silent"), [(7.8, ()), (8.5, ("silent for 1.5 s",))])
def test_a_reply_that_is_heard_on_after_a_question_does_not_answer_it(answered: float, silent: tuple[str, ...]) -> None:
    """The recogniser is late, so the person hears more of it. The wait for the answer begins with the question."""
    heard = [
        event(6.0, "userWordRecognized", itemId="2", text="w"),
        event(6.0, "replyCancelled", replyId="a", cause="CANCEL_CAUSE_WORD_RECOGNIZED"),
    ]
    assert judged([*interrupted(6.0), *heard, *spoken(answered, "b")], ended_at=12).faults == silent


def test_nor_does_its_end() -> None:
    heard = event(6.0, "userWordRecognized", itemId="2", text="w")
    over = event(5.9, "replyFinished", replyId="a")
    assert judged([*interrupted(5.9), over, heard, *spoken(9.5, "b")], ended_at=14).faults == ("silent for 2.5 s",)


def test_words_that_were_not_heard_or_heard_twice_are_counted() -> None:
    lost = judged([*opened(), *said(1, 4, "1", heard=3), *spoken(4.2, "a")], ended_at=8)
    assert lost.faults == ("1 words lost",)
    twice = judged([*opened(), *said(1, 4, "1", heard=5), *spoken(4.2, "a")], ended_at=8)
    assert twice.faults == ("1 words heard twice",)


def test_a_word_that_comes_after_its_turn_has_been_heard() -> None:
    late = event(3.0, "userWordRecognized", itemId="1", text="w")
    journal = [*opened(), *said(1, 4, "1", heard=3), late, *spoken(4.2, "a")]
    assert judged(journal, ended_at=8).faults == ()


@pytest.mark.parametrize(("words", "fault"), [("w w w w", ()), ("w w w", ("1 words lost",))])
def test_a_turn_that_is_restored_has_the_words_that_were_heard(words: str, fault: tuple[str, ...]) -> None:
    """Two were told before the connection was lost, or perhaps more."""
    told = [entry for entry in said(1, 4, "1", heard=2) if not (isinstance(entry, Event) and entry.at > 2.5)]
    restored = event(2.8, "userTurnRestored", itemId="1", text=words, ended=True, cause="SPEECH_CAUSE_DETECTED")
    again: list[Entry] = [Lost(2.6, 1006), Dialled(2.7, again=True), event(2.75, "started", sessionId="s"), restored]
    assert judged([*opened(), *told, *again, *spoken(4.2, "a")], ended_at=8).faults == fault


def test_what_is_typed_is_not_said() -> None:
    ended = event(1.1, "userTurnEnded", itemId="1", text="three words typed", cause="SPEECH_CAUSE_TYPED")
    assert judged([*opened(), Typed(1), ended, *spoken(3, "a")], ended_at=8).faults == ()


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        (["Alpha bravo,", "charlie delta."], None),
        (["Alpha bravo,", "bravo, charlie delta."], None),  # the word that was cut may be said again
        (["Alpha bravo, charlie", "bravo, charlie delta."], "1 words of a reply said twice"),
        (["Alpha bravo,", "delta."], "1 words of a reply left out"),
        (["Alpha bravo,"], "reply cut after 2 words"),
        ([], "no reply"),
        (["Alpha sorry.", "delta."], "apology"),
    ],
)
def test_a_reply_goes_on_after_a_loss_without_a_gap_or_a_repetition(parts: list[str], fault: str | None) -> None:
    journal = [*opened(), *said(1, 1, "1")]
    for number, words in enumerate(parts):
        journal += spoken(3.3 + 0.9 * number, str(number), words, finished=number == 1)
    outcome = judged(journal, ended_at=5.6, promise=Promise(9))
    assert [each for each in outcome.faults if "silent" not in each] == ([fault] if fault else [])


def test_the_rest_of_a_reply_that_the_person_had_spoken_over_is_no_answer_to_them() -> None:
    """After a loss the recogniser hears the person later than the reply goes on."""
    cut = Event(5.9, "replyCancelled", {"replyId": "b", "cause": "CANCEL_CAUSE_WORD_RECOGNIZED"})
    journal = [
        *opened(),
        *said(1, 1, "1"),
        *spoken(3.3, "a", "Alpha bravo,", finished=False),
        *said(4, 1, "2"),
        *spoken(5.5, "b", "charlie delta.", finished=False)[:-1],
        cut,
        *spoken(6.9, "c"),
    ]
    outcome = judged(journal, ended_at=9)
    assert [answer.fault for answer in outcome.answers] == [None, None]
    assert outcome.faults == ()


def test_a_person_who_speaks_over_a_reply_wants_no_more_of_it() -> None:
    reply = spoken(3.3, "a", "Alpha bravo,", finished=False)
    cancelled = event(4.2, "replyCancelled", replyId="a", cause="CANCEL_CAUSE_WORD_RECOGNIZED")
    journal = [*opened(), *said(1, 1, "1"), *reply, *said(3.8, 2, "2"), cancelled, *spoken(6.4, "b")]
    outcome = judged(journal, ended_at=8)
    assert outcome.faults == ()
    assert [answer.interrupted for answer in outcome.answers] == [True, False]


def test_a_reply_that_is_held_goes_on_where_it_stopped() -> None:
    journal = [
        *opened(),
        *said(1, 1, "1"),
        event(3.0, "replyCreated", replyId="a"),
        event(3.3, "replyAudio", replyId="a", audio=1.2),
        *(event(3.4, "replyWordSpoken", replyId="a", text=word) for word in REPLY.split()),
        event(3.5, "replyHeld", replyId="a"),
        event(4.0, "replyResumed", replyId="a"),
        event(5.0, "replyFinished", replyId="a"),
    ]
    outcome = judged(journal, ended_at=8)
    assert outcome.faults == ()
    assert outcome.silence_s == pytest.approx(0.5)


def test_a_conversation_that_has_to_begin_anew_is_lost() -> None:
    journal = [*opened(), *said(1, 1, "1"), Lost(3.0, 1011, "lost"), *opened(3.2), *said(6, 1, "1"), *spoken(8.3, "a")]
    outcome = judged(journal, ended_at=12)
    assert outcome.lost == ("1011 lost",)
    assert outcome.faults == ("lost (1011)",)


def test_a_conversation_that_is_resumed_is_not_lost() -> None:
    reply = spoken(3.3, "a")
    journal = [
        *opened(),
        *said(1, 1, "1"),
        *reply[:5],
        Lost(3.9, 1006),
        Dialled(4.0, again=True),
        event(4.1, "started", sessionId="s"),
        *reply[5:],
    ]
    outcome = judged(journal, ended_at=12)
    assert outcome.lost == ()
    assert outcome.faults == ()


def test_a_refusal_before_the_conversation_is_a_wait_and_no_loss() -> None:
    journal = [Dialled(0), Lost(0.5, 1011, "down"), *opened(0.6), *said(1, 1, "1"), *spoken(3.3, "a")]
    assert judged(journal, ended_at=5).faults == ()
    never: list[Entry] = [Dialled(0), Lost(0.5, 1011, "down"), Dialled(0.6)]
    assert judged(never, ended_at=5).faults == ("silent for 5.0 s",)


@pytest.mark.parametrize(
    ("at", "phase"),
    [
        (0.05, "opening"),
        (0.5, "listening"),
        (1.5, "speaking"),
        (2.3, "pausing"),
        (3.0, "preparing"),
        (4.3, "begun"),
        (5.1, "mid-reply"),
        (6.0, "listening"),
    ],
)
def test_the_phase_at_a_time(at: float, phase: str) -> None:
    assert phase_at([*opened(), *said(1, 4, "1"), *spoken(4.2, "a")], at) == phase


def test_the_phase_of_a_person_who_speaks_over_a_reply_or_types() -> None:
    reply = spoken(3.3, "a", finished=False)
    assert phase_at([*opened(), *said(1, 1, "1"), *reply, SpeechBegan(4.8)], 5.0) == "held"
    assert phase_at([*opened(), Typed(1.0)], 1.1) == "typed"


def test_the_usual_wait_is_the_median_of_those_that_were_over_before_the_fault() -> None:
    journals = [[*opened(), *said(1, 1, "1"), *spoken(1.3 + wait, "a")] for wait in (1.5, 2.0, 9.0)]
    assert usual_wait_s(journals, 5.0) == pytest.approx(2.0)
    assert usual_wait_s([], 5.0) is None
