import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.audio.frames import Frames
from tests.edge.sounds import tone

PCM = tone(0.5)


@given(st.lists(st.integers(0, len(PCM))))
def test_any_portions_give_the_same_frames(cuts: list[int]) -> None:
    frames = Frames()
    edges = [0, *sorted(cuts), len(PCM)]
    joined = [frame for start, end in itertools.pairwise(edges) for frame in frames.add(PCM[start:end])]
    assert b"".join(joined) == PCM[: 6 * 3_840]
    assert all(len(frame) == 3_840 for frame in joined)
