import numpy as np
import pytest

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from tts_proxy.clauses.speech import Speech
from tts_proxy.clauses.splitting import Ending
from tts_proxy.clauses.utterance import PAUSES_S, Timeline
from tts_proxy.engine import Audio, Word


def speech(samples: int) -> Speech:
    """Noise, so that silence is not mistaken for it."""
    length_s = samples / SAMPLE_RATE
    words = [Word("one", 0.0, length_s / 2), Word("two", length_s / 2, length_s)]
    return Speech(np.full(samples, 1_000, np.int16), words)


def placed(timeline: Timeline, samples: int, ending: Ending, *, last: bool = False) -> tuple[list[Word], list[int]]:
    *words, audio = timeline.place(speech(samples), ending, last=last)
    assert isinstance(audio, Audio)
    return [word for word in words if isinstance(word, Word)], np.frombuffer(audio.pcm, "<i2").tolist()


def test_one_clause_is_as_it_was_spoken() -> None:
    timeline = Timeline()
    words, samples = placed(timeline, 1_000, Ending.SENTENCE, last=True)
    assert samples == [1_000] * 1_000
    assert words == speech(1_000).words
    assert timeline.length_s == 1_000 / SAMPLE_RATE


@pytest.mark.parametrize("ending", [Ending.SENTENCE, Ending.CLAUSE])
def test_a_pause_belongs_to_the_audio(ending: Ending) -> None:
    timeline = Timeline()
    _, before = placed(timeline, 5_000, ending)
    words, after = placed(timeline, 2_400, Ending.SENTENCE, last=True)
    silence = round(PAUSES_S[ending] * SAMPLE_RATE)
    assert before + after == [1_000] * 5_000 + [0] * silence + [1_000] * 2_400
    start_s = (5_000 + silence) / SAMPLE_RATE
    assert [word.start_s for word in words] == pytest.approx([start_s, start_s + 0.05])
    assert words[-1].stop_s == pytest.approx(timeline.length_s)


def test_a_pause_begins_with_the_frame_it_fills() -> None:
    _, samples = placed(Timeline(), 5_000, Ending.CLAUSE)
    assert len(samples) == 3 * FRAME_SAMPLES
    assert samples[5_000:] == [0] * 760


def test_a_cut_leaves_no_silence() -> None:
    timeline = Timeline()
    _, before = placed(timeline, 5_000, Ending.CUT)
    _, after = placed(timeline, 100, Ending.SENTENCE, last=True)
    assert before + after == [1_000] * 5_100
