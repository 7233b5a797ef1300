"""The real detector and decoder, without processes."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_RATE
from stt_proxy.engine import Pause, Word
from stt_proxy.engines.pocketsphinx.models import Decoder
from stt_proxy.engines.pocketsphinx.transcription import Transcription
from stt_proxy.recognition import SAMPLE_RATE as RECOGNITION_RATE
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.utterances import Utterances
from tests.speech import SPEECH_RMS, Samples, at_level, cough, onset, say, share_of_words
from tests.stt_proxy.hearing import Heard, frames, microphone, silence
from tts_proxy.engines.espeak.library import Prosody, library

SENTENCES = (
    "Can you help me find a good place to eat?",
    "My brother works in a big hospital near the river.",
    "There is nothing better than a cup of tea after work.",
    "Do you think it will rain this afternoon?",
    "She has been learning to play the piano for three years.",
)


class CountedDecoder(Decoder):
    """A decoder that remembers where its utterances began."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[int] = []

    def begin(self, start: int) -> None:
        self.begun.append(start)
        super().begin(start)


class Ear:
    """One pair of models, which hears one recording after another."""

    def __init__(self) -> None:
        self._detector = SpeechDetector()
        self.decoder = CountedDecoder()

    def transcription(self, utterances: Utterances | None = None) -> Transcription:
        return Transcription(self._detector, self.decoder, utterances)

    def feed(self, pcm: bytes, utterances: Utterances | None = None) -> Heard:
        transcription = self.transcription(utterances)
        events = [event for frame in frames(pcm) for event in transcription.feed(frame)]
        return Heard([*events, *transcription.flush()])


@pytest.fixture(scope="module")
def ear() -> Ear:
    return Ear()


def test_most_words_of_a_conversation_are_right(ear: Ear) -> None:
    spoken = [each for sentence in SENTENCES for each in (silence(1), say(sentence))]
    heard = ear.feed(microphone(*spoken, silence(1)))
    assert share_of_words(" ".join(SENTENCES), heard.text) >= 0.6, heard.text
    starts = [word.start_s for word in heard.words]
    assert starts == sorted(starts)
    assert all(word.start_s < word.end_s for word in heard.words)
    assert [each.heard_s for each in heard.pauses] == pytest.approx(
        [FRAME_S * (1 + index) for index in range(len(heard.pauses))]
    )


def test_words_are_where_they_were_spoken(ear: Ear) -> None:
    """After undecoded silence of an odd length, too."""
    text = SENTENCES[2]
    truth = {
        text[event.position :].split()[0].lower(): event.offset_s
        for event in library().speak(text, Prosody("gmw/en-US", rate=200), lambda: False).words
    }
    quiet_s = 3.137
    heard = ear.feed(microphone(silence(quiet_s), say(text), silence(1)))
    found = {word.text: word.start_s - quiet_s for word in heard.words if word.text in truth}
    assert len(found) >= 6, heard.text
    for word, start_s in found.items():
        assert start_s == pytest.approx(truth[word], abs=0.3), word


def test_speech_is_noticed_soon_and_its_end_after_half_a_second(ear: Ear) -> None:
    for shift in range(3):
        speech = say(SENTENCES[shift])
        begin_s = 1 + 0.02 * shift
        heard = ear.feed(microphone(silence(begin_s), speech, silence(1.5)))
        first_voiced_s = begin_s + onset(speech) / SAMPLE_RATE
        last_voiced_s = begin_s + (len(speech) - onset(speech[::-1])) / SAMPLE_RATE
        assert heard.first(below=0.4) - first_voiced_s <= 0.36
        assert 0.4 <= heard.first_above(0.6, after=heard.first(below=0.4)) - last_voiced_s <= 0.8
        assert heard.pauses[-1].probability == pytest.approx(1)


def bursts(*, length_s: float, rms: float, voiced_s: float = 0.0) -> Samples:
    """A cough of another make: a burst and a hiss with the resonances of a throat, and perhaps a vowel at its end."""
    noise = np.random.default_rng(4)
    time_s = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    shape = np.exp(-time_s / 0.03) + 0.5 * np.exp(-(((time_s - 0.35 * length_s) / (0.3 * length_s)) ** 2))
    spectrum = np.fft.rfft(noise.normal(0, 1, len(time_s)))
    hertz = np.fft.rfftfreq(len(time_s), 1 / SAMPLE_RATE)
    throat = sum(np.exp(-(((hertz - peak) / 250) ** 2)) for peak in (500, 1500, 2500)) + 0.1
    sound = np.fft.irfft(spectrum * throat, len(time_s)) * shape
    sound *= rms / np.sqrt(np.mean(sound**2))
    if voiced_s:
        vowel = np.arange(round(voiced_s * SAMPLE_RATE)) / SAMPLE_RATE
        harmonics = sum(np.sin(2 * np.pi * 140 * n * vowel + n * n) / n for n in range(1, 20)) * np.hanning(len(vowel))
        sound[-len(vowel) :] += harmonics * (0.7 * rms / np.sqrt(np.mean(harmonics**2)))
    return np.asarray(sound, np.float32)


def tone(*hertz: float, seconds: float, rms: float) -> Samples:
    time_s = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return at_level(np.asarray(sum(np.sin(2 * np.pi * each * time_s) for each in hertz), np.float32), rms)


def white(seconds: float, rms: float) -> Samples:
    return np.random.default_rng(2).normal(0, rms, round(seconds * SAMPLE_RATE)).astype(np.float32)


@pytest.mark.parametrize(
    "sound",
    [
        pytest.param(cough(), id="a cough"),
        pytest.param(np.concatenate([cough(2), silence(0.4), cough(3)]), id="a fit of coughing"),
        *(
            pytest.param(bursts(length_s=length_s, rms=rms, voiced_s=voiced_s), id=f"cough {length_s} {rms} {voiced_s}")
            for length_s in (0.15, 0.25, 0.4)
            for rms in (0.02, 0.15)
            for voiced_s in (0.0, 0.1)
        ),
        pytest.param(white(2, 0.02), id="a fan"),
        pytest.param(tone(50, 150, 250, seconds=2, rms=0.05), id="hum"),
        pytest.param(tone(770, 1336, seconds=0.3, rms=0.05), id="a key"),
        pytest.param(np.tile(np.concatenate([white(0.005, 0.2), silence(0.2)]), 8), id="typing"),
    ],
)
def test_noises_are_no_words_and_no_speech(ear: Ear, sound: Samples) -> None:
    heard = ear.feed(microphone(silence(1), sound, silence(1.5)))
    assert not heard.words
    assert not heard.partials
    assert min(pause.probability for pause in heard.pauses) >= 0.4


def test_a_cough_after_a_sentence_adds_no_word(ear: Ear) -> None:
    speech = say(SENTENCES[3])
    alone = ear.feed(microphone(silence(1), speech, silence(1.5)))
    followed = ear.feed(microphone(silence(1), speech, silence(0.25), bursts(length_s=0.25, rms=0.06), silence(1.0)))
    last_s = 1.1 + len(speech) / SAMPLE_RATE
    assert max(word.end_s for word in followed.words) < last_s + 0.1
    assert len(followed.words) <= len(alone.words) + 1


@pytest.mark.parametrize("rms", [0.004, 0.1])
def test_the_speaker_may_be_quiet_or_loud(ear: Ear, rms: float) -> None:
    usual = np.frombuffer(microphone(silence(1), say(SENTENCES[0]), silence(1), say(SENTENCES[2]), silence(1)), "<i2")
    scaled = np.clip(usual * (rms / SPEECH_RMS), -32_768, 32_767).astype("<i2").tobytes()
    heard = ear.feed(scaled)
    assert share_of_words(f"{SENTENCES[0]} {SENTENCES[2]}", heard.text) >= 0.5, heard.text


def test_a_flush_in_mid_speech_gives_words_at_once_and_none_twice(ear: Ear) -> None:
    text = SENTENCES[0]
    pcm = microphone(silence(1), say(text), silence(1))
    cut = int(2.0137 * SAMPLE_RATE) * 2
    cut_s = cut / 2 / SAMPLE_RATE
    transcription = ear.transcription()
    before = Heard([*transcription.feed(pcm[:cut]), *transcription.flush()])
    after = Heard([*transcription.feed(pcm[cut:]), *transcription.flush()])
    assert before.words
    assert after.words
    assert before.words[-1].end_s <= cut_s + 0.01
    assert cut_s - 0.01 <= after.words[0].start_s < cut_s + 0.5
    assert share_of_words(text, f"{before.text} {after.text}") >= 0.5, (before.text, after.text)
    assert [pause.heard_s for pause in before.pauses + after.pauses] == pytest.approx(
        [FRAME_S * (1 + index) for index in range(len(pcm) // FRAME_BYTES)]
    )


def test_words_come_while_the_speaker_goes_on(ear: Ear) -> None:
    heard = ear.feed(microphone(silence(1), say(SENTENCES[4]), silence(1)))
    lags = []
    now_s = 0.0
    for event in heard.events:
        if isinstance(event, Pause):
            now_s = event.heard_s
        elif isinstance(event, Word):
            lags.append(now_s - event.end_s)
    assert np.median(lags) < 1
    assert heard.partials[-1] == ""


def test_a_stream_does_not_remember_the_one_before(ear: Ear) -> None:
    """Not even one that was left in mid-sentence, and was loud."""
    pcm = microphone(silence(1), say(SENTENCES[1]), silence(1))
    first = ear.feed(pcm)
    left = ear.transcription()
    for _ in left.feed(microphone(say(SENTENCES[3]) * 12)):
        pass
    again = ear.feed(pcm)
    assert [(word.text, word.start_s) for word in again.words] == [(word.text, word.start_s) for word in first.words]
    assert again.pauses == first.pauses


def test_how_audio_is_cut_up_does_not_matter(ear: Ear) -> None:
    pcm = microphone(silence(1), say(SENTENCES[0]), silence(1))
    transcription = ear.transcription()
    pieces = np.random.default_rng(6).integers(1, 4000, 400).cumsum() * 2
    cuts: NDArray[np.int64] = np.concatenate([[0], pieces[pieces < len(pcm)], [len(pcm)]])
    events = [event for start, end in itertools.pairwise(cuts.tolist()) for event in transcription.feed(pcm[start:end])]
    assert [*events, *transcription.flush()] == ear.feed(pcm).events


def test_endless_speech_is_cut(ear: Ear) -> None:
    """An utterance costs memory as long as it lasts."""
    begun = len(ear.decoder.begun)
    heard = ear.feed(
        microphone(silence(0.5), *(say(sentence) for sentence in SENTENCES[:4]), silence(1)),
        Utterances(long=3 * RECOGNITION_RATE, longest=5 * RECOGNITION_RATE),
    )
    lengths = np.diff(ear.decoder.begun[begun:]) / RECOGNITION_RATE
    assert len(lengths)
    assert all(3 <= length <= 5.1 for length in lengths)
    assert share_of_words(" ".join(SENTENCES[:4]), heard.text) >= 0.5, heard.text
