import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.audio import SAMPLE_RATE
from orchestrator.session.recognition import KEPT_SAMPLES, Microphone


def numbered(first: int, count: int) -> bytes:
    """Samples that tell where they lie."""
    return b"".join((position % 65_536).to_bytes(2, "little") for position in range(first, first + count))


def test_a_new_one_is_empty() -> None:
    microphone = Microphone()
    assert (microphone.start, microphone.end) == (0, 0)
    assert microphone.read(0, 100) == b""


@given(st.lists(st.integers(0, 50)), st.integers(0, 200), st.integers(0, 200))
def test_reading_gives_what_was_written_there(sizes: list[int], position: int, limit: int) -> None:
    microphone = Microphone()
    for size in sizes:
        microphone.write(numbered(microphone.end, size))
    length = max(0, min(limit, sum(sizes) - position))
    assert microphone.end == sum(sizes)
    assert microphone.read(position, limit) == numbered(position, length)


@pytest.mark.unmute("B27")
def test_the_oldest_samples_are_forgotten_and_positions_stay() -> None:
    microphone = Microphone()
    second = bytes(2 * SAMPLE_RATE)
    for _ in range(KEPT_SAMPLES // SAMPLE_RATE):
        microphone.write(second)
    assert microphone.start == 0
    microphone.write(numbered(microphone.end, 5))
    assert microphone.start == 5
    assert microphone.end == KEPT_SAMPLES + 5
    assert microphone.read(KEPT_SAMPLES, 100) == numbered(KEPT_SAMPLES, 5)
    assert len(microphone.read(5, 2 * KEPT_SAMPLES)) == 2 * KEPT_SAMPLES


def test_more_at_once_than_is_kept_leaves_its_end() -> None:
    microphone = Microphone()
    microphone.write(bytes(200) + numbered(100, KEPT_SAMPLES))
    assert microphone.start == 100
    assert microphone.read(100, 3) == numbered(100, 3)


def test_what_is_forgotten_cannot_be_read() -> None:
    microphone = Microphone()
    microphone.write(bytes(2 * (KEPT_SAMPLES + 1)))
    with pytest.raises(ValueError, match="position 0 is no longer kept: 1 is the first"):
        microphone.read(0, 1)
