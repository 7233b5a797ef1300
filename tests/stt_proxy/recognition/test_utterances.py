import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_proxy.recognition import FRAME, SAMPLE_RATE
from stt_proxy.recognition.utterances import LOOK_BACK, Passage, Utterances


def frames(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE / FRAME)


def passages(*parts: tuple[bool, float], pause: float = 0.0) -> list[Passage]:
    """What is decoded when there is speech, or not, for so many seconds each."""
    utterances, position, found = Utterances(), 0, []
    for speaking, seconds in parts:
        for _ in range(frames(seconds)):
            position += FRAME
            passage = utterances.advance(position, speaking=speaking, pause=pause if speaking else 1.0)
            if passage:
                found.append(passage)
    return found


def lengths(found: list[Passage]) -> list[float]:
    """How long each utterance is, in seconds."""
    starts = [passage.start for passage in found if passage.begins]
    ends = [passage.end for passage in found if passage.ends]
    return [(end - start) / SAMPLE_RATE for start, end in zip(starts, ends, strict=False)]


def test_silence_is_not_decoded() -> None:
    assert passages((False, 8)) == []


def test_an_utterance_begins_before_its_speech_was_noticed() -> None:
    first = passages((False, 4), (True, 0.08))[0]
    noticed = (frames(4) + 1) * FRAME
    assert first == Passage(noticed - LOOK_BACK, noticed - LOOK_BACK + 2 * FRAME, begins=True, ends=False)


def test_what_was_looked_back_at_is_decoded_bit_by_bit() -> None:
    found = passages((False, 4), (True, 0.8))
    sizes = [(passage.end - passage.start) / FRAME for passage in found]
    assert sizes == [2, 2, 2, 2, 2, 1.25, 1, 1, 1, 1]
    assert found[-1].end == (frames(4) + 10) * FRAME


def test_a_pause_ends_all_that_was_said_at_once() -> None:
    found = passages((False, 4), (True, 0.08), (False, 0.08))
    assert found[-1] == Passage(found[0].end, (frames(4) + 2) * FRAME, begins=False, ends=True)


def test_the_look_back_ends_at_the_first_sample() -> None:
    assert passages((True, 0.08)) == [Passage(0, FRAME, begins=True, ends=False)]


def test_an_utterance_ends_with_its_pause() -> None:
    found = passages((False, 4), (True, 1.6), (False, 4))
    assert [passage.ends for passage in found] == [False] * frames(1.6) + [True]
    assert found[-1].end == (frames(4) + frames(1.6) + 1) * FRAME


def test_no_sample_is_decoded_twice() -> None:
    """Also when speech goes on within the look-back of the next utterance."""
    found = passages((False, 4), (True, 1.6), (False, 0.16), (True, 1.6))
    ending = next(passage for passage in found if passage.ends)
    following = next(passage for passage in found if passage.begins and passage.start > 4 * SAMPLE_RATE)
    assert following.start == ending.end


@pytest.mark.parametrize(("pause", "ended"), [(0.2, [12.0]), (0.1, [12.0]), (0.09, [])])
def test_a_long_utterance_ends_at_a_gap(pause: float, ended: list[float]) -> None:
    assert lengths(passages((True, 13), pause=pause)) == ended


def test_the_first_sample_that_may_still_be_decoded() -> None:
    utterances = Utterances()
    assert utterances.earliest(100) == 0
    assert utterances.earliest(LOOK_BACK + 100) == 100
    begun = utterances.advance(10 * FRAME, speaking=True, pause=0.0)
    assert begun
    assert utterances.earliest(10 * FRAME) == utterances.earliest(100 * FRAME) == begun.end
    utterances.flush(12 * FRAME)
    assert utterances.earliest(12 * FRAME) == utterances.earliest(13 * FRAME) == 12 * FRAME


def test_a_very_long_utterance_ends_inside_a_word() -> None:
    assert lengths(passages((True, 40))) == [18.0, 18.0]


def test_a_flush_ends_the_utterance_with_the_last_sample() -> None:
    utterances = Utterances()
    utterances.advance(FRAME, speaking=True, pause=0.0)
    assert utterances.flush(FRAME + 700) == Passage(FRAME, FRAME + 700, begins=False, ends=True)
    assert utterances.flush(FRAME + 700) is None
    assert utterances.advance(2 * FRAME, speaking=True, pause=0.0) == Passage(
        FRAME + 700, 2 * FRAME, begins=True, ends=False
    )


def test_a_flush_in_silence_decodes_nothing() -> None:
    utterances = Utterances()
    utterances.advance(FRAME, speaking=False, pause=1.0)
    assert utterances.flush(FRAME + 700) is None


moves = st.lists(
    st.tuples(st.sampled_from(["speech", "silence", "flush"]), st.integers(1, 300), st.integers(0, FRAME - 1)),
    max_size=30,
)


@given(moves)
def test_passages_are_utterances_in_order_without_overlap(plan: list[tuple[str, int, int]]) -> None:
    utterances, position, found = Utterances(), 0, list[Passage]()
    for kind, count, rest in plan:
        if kind == "flush":
            found += filter(None, [utterances.flush(position + rest)])
            position += FRAME
            found += filter(None, [utterances.advance(position, speaking=False, pause=1.0)])
            continue
        for _ in range(count):
            position += FRAME
            speaking = kind == "speech"
            found += filter(None, [utterances.advance(position, speaking=speaking, pause=1.0 - speaking)])
    used, is_open = 0, False
    for passage in found:
        assert used <= passage.start <= passage.end
        assert passage.begins is not is_open
        if not passage.begins:
            assert passage.start == used
        used, is_open = passage.end, not passage.ends
    assert all(length <= 18.1 for length in lengths(found))
