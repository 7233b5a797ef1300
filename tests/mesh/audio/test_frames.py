from hypothesis import given
from hypothesis import strategies as st

from mesh.audio import FRAME_BYTES
from mesh.audio.frames import Framer


@given(st.lists(st.integers(0, 3 * FRAME_BYTES), max_size=8))
def test_frames_are_whole_and_nothing_is_lost(sizes: list[int]) -> None:
    audio = bytes(range(256)) * (sum(sizes) // 256 + 1)
    framer = Framer()
    frames: list[bytes] = []
    position = 0
    for size in sizes:
        frames += framer.push(audio[position : position + size])
        position += size
    assert all(len(frame) == FRAME_BYTES for frame in frames)
    rest = framer.finish()
    assert len(rest) < FRAME_BYTES
    assert b"".join(frames) + rest == audio[:position]
    assert framer.finish() == b""
