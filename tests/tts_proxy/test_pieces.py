"""How a reply's frames are joined, by the time at which they are made."""

import pytest

from tts_proxy.service import Pieces

FRAME_S = 0.08
FRAMES = 100


def sizes(most: int, speed: float) -> list[tuple[float, int]]:
    """The pieces as (when it is sent, frames); the engine is `speed` times as fast as speech."""
    pieces = Pieces(most)
    made = [(number * FRAME_S / speed, pieces.push(b"f", number * FRAME_S / speed)) for number in range(FRAMES)]
    sent = [(at, len(piece)) for at, piece in made if piece]
    return [*sent, (made[-1][0], len(pieces.finish()))]


@pytest.mark.parametrize("speed", [0.5, 1.0, 4.0, 1_000.0])
def test_nothing_is_lost_and_no_piece_is_too_long(speed: float) -> None:
    assert sum(size for _, size in sizes(6, speed)) == FRAMES
    assert max(size for _, size in sizes(6, speed)) <= 6
    assert {size for _, size in sizes(1, speed)[:-1]} == {1}


@pytest.mark.parametrize("speed", [0.5, 0.9, 1.0])
def test_an_engine_as_slow_as_speech_has_its_frames_sent_one_by_one(speed: float) -> None:
    assert {size for _, size in sizes(6, speed)[:-1]} == {1}


def test_the_first_frames_are_sent_one_by_one_and_then_fewer_and_longer_pieces() -> None:
    found = [size for _, size in sizes(6, 4.0)]
    assert found[:6] == [1] * 6
    assert found[:-1] == sorted(found[:-1])
    assert found[-2] == 6
    assert len(found) < FRAMES / 3


@pytest.mark.parametrize("speed", [1.2, 2.0, 4.0, 20.0])
def test_a_piece_holds_back_no_more_than_a_quarter_of_what_is_left_to_hear(speed: float) -> None:
    pieces, sent, held = Pieces(6), 0, 0
    for number in range(FRAMES):
        now = number * FRAME_S / speed
        held += 1
        if pieces.push(b"f", now):
            sent, held = sent + held, 0
        left = sent - now / FRAME_S
        assert held == 0 or held < left / 4
