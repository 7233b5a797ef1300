"""The life of a reply."""

import itertools

import pytest

from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action, CancelCause
from orchestrator.conversation.policy import Policy
from orchestrator.conversation.reply import MOVES, Life, Reply

LEGAL = {
    (Life.PREPARING, Life.READY),
    (Life.READY, Life.SPEAKING),
    (Life.SPEAKING, Life.HELD),
    (Life.HELD, Life.SPEAKING),
    (Life.SPEAKING, Life.FINISHED),
    (Life.PREPARING, Life.CANCELLED),
    (Life.READY, Life.CANCELLED),
    (Life.SPEAKING, Life.CANCELLED),
    (Life.HELD, Life.CANCELLED),
}


@pytest.mark.parametrize(("before", "after"), list(itertools.product(Life, Life)))
def test_moves(before: Life, after: Life) -> None:
    reply = Reply("reply_1", "item_1", spoken=True, first=True, life=before)

    if (before, after) in LEGAL:
        reply.move(after)
        assert reply.life is after
    else:
        with pytest.raises(ValueError, match=f"^reply_1 cannot go from {before.value} to {after.value}$"):
            reply.move(after)


def test_every_stage_of_life_has_its_moves() -> None:
    assert MOVES.keys() == set(Life)


def test_a_cancelled_reply_is_over() -> None:
    reply, done = Reply("reply_1", "item_1", spoken=True, first=True), list[Action]()

    reply.cancel(CancelCause.TYPED, 1.0, done.append)

    assert reply.life is Life.CANCELLED
    assert done == [act.CancelReply("reply_1", CancelCause.TYPED, "", 0.0)]
    with pytest.raises(ValueError, match="cannot go from cancelled to cancelled"):
        reply.cancel(CancelCause.TYPED, 1.0, done.append)


def test_words_that_were_not_yet_announced_when_the_synthesis_failed_still_are() -> None:
    reply, done = Reply("reply_1", "item_1", spoken=True, first=True), list[Action]()
    for event in (
        ev.ReplyWordTimed("reply_1", "One", 0.0, 0.4),
        ev.ReplyWordTimed("reply_1", "two", 0.4, 0.6),
        ev.ReplyAudioArrived("reply_1", 9_600),
    ):
        reply.handle(event, 1.0, done.append)
    reply.lose_synthesis(1.0, Policy(), done.append, lasting=True)

    reply.advance(1.0, 0.4, done.append, floor_is_free=True)

    assert done == [
        act.WarnOfLostVoice("reply_1"),
        act.ReleaseAudio("reply_1", 0, 9_600),
        act.ReplyWordNotice("reply_1", "One", 0.0, 0.4),
    ]
    assert not reply.has_broken_off(1.39)
    assert reply.has_broken_off(1.4)
