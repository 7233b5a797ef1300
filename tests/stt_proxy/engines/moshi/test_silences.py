from hypothesis import given
from hypothesis import strategies as st

from stt_proxy.engines.moshi.silences import SilenceMap

SENT = st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=20)


@given(SENT)
def test_every_position_is_where_it_was_in_the_microphone(sent: list[tuple[bool, int]]) -> None:
    silences = SilenceMap()
    microphone, truth = 0, [0]
    for silent, samples in sent:
        (silences.add_silence if silent else silences.add_audio)(samples)
        for _ in range(samples):
            microphone += not silent
            truth.append(microphone)
    assert silences.sent == len(truth) - 1
    assert [silences.position(sent) for sent in range(len(truth))] == truth


@given(SENT, st.integers(0, 600))
def test_what_is_forgotten_changes_no_later_position(sent: list[tuple[bool, int]], before: int) -> None:
    silences = SilenceMap()
    for silent, samples in sent:
        (silences.add_silence if silent else silences.add_audio)(samples)
    later = range(before, silences.sent + 1)
    positions = [silences.position(sent) for sent in later]
    silences.forget(before)
    assert [silences.position(sent) for sent in later] == positions
    assert all(silences.position(sent) >= 0 for sent in range(before))
