"""The life of a reply."""

import itertools

import pytest

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
