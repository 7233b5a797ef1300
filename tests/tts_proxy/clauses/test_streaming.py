from collections.abc import AsyncGenerator

import numpy as np
import pytest

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from tests.tts_proxy.spoken import taken
from tts_proxy.clauses.script import Script
from tts_proxy.clauses.splitting import Ending
from tts_proxy.clauses.streaming import ClauseStream, Pace, Samples, StreamedUtterance, letters_of
from tts_proxy.clauses.utterance import PAUSES_S
from tts_proxy.engine import Audio, Event, Word

WORDS = ["one", "three", "seven"]
PER_LETTER = 0.07


def sound(seconds: float) -> Samples:
    return np.full(round(seconds * SAMPLE_RATE), 5_000, np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.int16)


def streamed(stream: ClauseStream, *pieces: Samples) -> list[Event]:
    events = [event for piece in pieces for event in stream.feed(piece)]
    return [*events, *stream.finish()]


def starts(events: list[Event]) -> list[float]:
    return [event.start_s for event in events if isinstance(event, Word)]


def given(events: list[Event]) -> int:
    return sum(len(event.pcm) // 2 for event in events if isinstance(event, Audio))


def test_words_lie_by_their_letters_where_the_length_is_known() -> None:
    events = streamed(ClauseStream(WORDS, Pace()), sound(13 * PER_LETTER))
    assert starts(events) == pytest.approx([0, 3 * PER_LETTER, 8 * PER_LETTER])
    assert given(events) == round(13 * PER_LETTER * SAMPLE_RATE)


def test_what_is_still_to_come_is_corrected_by_the_end() -> None:
    # Half as fast as estimated: the first two words were given by the estimate, the last lies where it should.
    events = streamed(ClauseStream(WORDS, Pace()), *[sound(0.1)] * 18)
    assert starts(events)[:2] == pytest.approx([0, 3 * PER_LETTER])
    quick = streamed(ClauseStream(WORDS, Pace()), *[sound(0.02)] * 20)
    assert starts(quick)[2] < 8 * PER_LETTER
    assert starts(quick)[2] >= 0.3


def test_no_word_is_earlier_than_the_audio_that_was_given() -> None:
    stream = ClauseStream(["a"] * 20, Pace())
    gone = 0
    for event in streamed(stream, *[sound(0.02)] * 20):
        if isinstance(event, Audio):
            gone += len(event.pcm) // 2
        else:
            assert event.start_s * SAMPLE_RATE >= gone - 1


def test_some_audio_is_held_back_until_more_comes() -> None:
    stream = ClauseStream(WORDS, Pace())
    assert given(list(stream.feed(sound(0.4)))) == round(0.3 * SAMPLE_RATE)
    assert given(list(stream.feed(sound(3.6)))) == round(3.2 * SAMPLE_RATE)
    assert given(list(stream.finish())) == SAMPLE_RATE // 2


def test_silence_at_the_beginning_is_cut_and_at_the_end_is_known() -> None:
    stream = ClauseStream(WORDS, Pace())
    events = streamed(stream, silence(0.3), silence(0.2), np.concatenate((silence(0.1), sound(0.8), silence(0.2))))
    assert stream.samples == given(events) == round(1.04 * SAMPLE_RATE)
    assert stream.rest == round(0.2 * SAMPLE_RATE)
    assert stream.received == round(1.6 * SAMPLE_RATE)


def test_a_clause_without_a_sound_gives_its_words_alone() -> None:
    stream = ClauseStream(WORDS, Pace())
    assert starts(streamed(stream, silence(1))) == [0, 0, 0]
    assert stream.samples == 0


def test_a_clause_begins_after_its_pause() -> None:
    stream = ClauseStream(WORDS, Pace(), start=SAMPLE_RATE, pause=SAMPLE_RATE // 2)
    events = streamed(stream, sound(1.0))
    assert starts(events)[0] == pytest.approx(1.5)
    assert stream.samples == given(events) == SAMPLE_RATE * 3 // 2


def test_a_pace_is_learnt() -> None:
    pace = Pace()
    assert pace.seconds_per_letter == pytest.approx(0.07)
    for _ in range(30):
        pace.note(20, 2.0)
    assert pace.seconds_per_letter == pytest.approx(0.1, rel=0.02)


@pytest.mark.parametrize(("word", "letters"), [("don't,", 4), ("42", 8), ("…", 1), ("日本", 5), ("a1", 5)])
def test_numbers_and_characters_take_longer_than_they_are_written(word: str, letters: float) -> None:
    assert letters_of(word) == letters


class Voice:
    def __init__(self, rest_s: float = 0.0) -> None:
        self.said: list[str] = []
        self._rest_s = rest_s

    async def say(self, script: Script) -> AsyncGenerator[Samples, None]:
        self.said.append(script.text)
        yield sound(1.0)
        yield silence(self._rest_s)


@pytest.mark.parametrize("rest_s", [0.0, 0.1, 1.0])
async def test_a_voices_own_rest_counts_for_the_pause(rest_s: float) -> None:
    voice = Voice(rest_s)
    utterance = StreamedUtterance(voice, Pace(), 0.05)
    await utterance.speak("That is it. Is it?")
    await utterance.finish()
    said = await taken(utterance)
    assert voice.said == ["That is it.", "Is it?"]
    second = next(word.start_s for word in said.words if word.text == "Is")
    assert second == pytest.approx(1.0 + max(rest_s, PAUSES_S[Ending.SENTENCE]), abs=FRAME_SAMPLES / SAMPLE_RATE)
    assert said.level(0, 1) == 5_000
    assert said.level(1.01, second - 0.01) == 0
    assert said.level(second, second + 1) == 5_000
    assert said.length_s == pytest.approx(second + 1 + rest_s)
