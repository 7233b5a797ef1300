import threading

import numpy as np
import pytest

from tts_proxy.engines.espeak.library import Library, Prosody, Recording, library

AMERICAN = Prosody("gmw/en-US")


@pytest.fixture
def espeak() -> Library:
    return library()


def speak(espeak: Library, text: str, prosody: Prosody = AMERICAN) -> Recording:
    return espeak.speak(text, prosody, lambda: False)


def pitch_hz(recording: Recording, sample_rate: int) -> float:
    """The median of the strongest repetition between 60 and 400 Hz, over the loud parts."""
    found = []
    for start in range(0, len(recording.samples) - 2_048, 1_024):
        window = recording.samples[start : start + 2_048].astype(np.float64)
        if np.sqrt((window**2).mean()) < 1_000:
            continue
        likeness = np.correlate(window, window, "full")[2_047:]
        shortest = sample_rate // 400
        found.append(sample_rate / (shortest + np.argmax(likeness[shortest : sample_rate // 60])))
    return float(np.median(found))


def test_there_is_one_library() -> None:
    assert library() is library()


def test_speaks(espeak: Library) -> None:
    recording = speak(espeak, "Hello, my dear friend.")
    assert espeak.sample_rate == 22_050
    assert 1.0 < len(recording.samples) / espeak.sample_rate < 3.0
    assert [event.position for event in recording.words] == [0, 7, 10, 15]
    assert [event.offset_s for event in recording.words] == sorted(event.offset_s for event in recording.words)


def test_positions_count_characters_not_bytes(espeak: Library) -> None:
    recording = speak(espeak, "été \N{GOTHIC LETTER AHSA}\N{GOTHIC LETTER BAIRKAN} là", Prosody("roa/fr"))
    assert 0 in {event.position for event in recording.words}
    assert max(event.position for event in recording.words) == 7


@pytest.mark.parametrize("text", ["", " ", "...", "\n"])
def test_says_nothing_for_nothing(espeak: Library, text: str) -> None:
    assert len(speak(espeak, text).samples) < 0.02 * espeak.sample_rate


def test_stops_when_given_up(espeak: Library) -> None:
    whole = speak(espeak, "one two three " * 10)
    asked = iter([False, False, True])
    part = espeak.speak("one two three " * 10, AMERICAN, lambda: next(asked, True))
    assert 0 < len(part.samples) < len(whole.samples) / 10
    assert len(speak(espeak, "Fine.").samples) > 0


def test_speech_without_end_is_cut_short(espeak: Library) -> None:
    assert len(speak(espeak, "中" * 120).samples) / espeak.sample_rate == pytest.approx(60, abs=1)


def test_every_speech_has_its_own_prosody(espeak: Library) -> None:
    plain = speak(espeak, "My friends, we are all alone.")
    changed = speak(
        espeak, "My friends, we are all alone.", Prosody("gmw/en-US+f3", rate=300, pitch=70, pitch_range=20, volume=40)
    )
    again = speak(espeak, "My friends, we are all alone.")
    assert len(changed.samples) < 0.75 * len(plain.samples)
    assert pitch_hz(changed, espeak.sample_rate) > 1.5 * pitch_hz(plain, espeak.sample_rate)
    assert np.abs(changed.samples.astype(int)).max() < np.abs(plain.samples.astype(int)).max()
    assert len(again.samples) == pytest.approx(len(plain.samples), rel=0.05)


@pytest.mark.parametrize("voice", ["gmw/en-US", "gmw/en-US+f3", "gmw/en-GB-x-rp+m3", "roa/fr+f2", "gmw/en-US+john"])
def test_peaks_stay_below_full_scale(espeak: Library, voice: str) -> None:
    recording = speak(espeak, "Oh! Ah, aha! What a lovely car, isn't it? Papa parked it far apart.", Prosody(voice))
    peak = np.abs(recording.samples.astype(int)).max()
    assert 8_000 < peak < 32_767


def test_unknown_voices_are_refused(espeak: Library) -> None:
    with pytest.raises(ValueError, match="no voice 'gmw/xx'"):
        speak(espeak, "Hello", Prosody("gmw/xx"))


def test_lists_voices_and_variants(espeak: Library) -> None:
    languages = {language for voice in espeak.voices() for _, language in voice.languages}
    assert {"en-us", "en-gb", "fr-fr", "de"} <= languages
    assert {"!v/f3", "!v/m3"} <= {variant.identifier for variant in espeak.variants()}


def test_every_voice_can_speak(espeak: Library) -> None:
    lengths = {
        voice.identifier: len(speak(espeak, "Hello 5.", Prosody(voice.identifier)).samples) for voice in espeak.voices()
    }
    assert [voice for voice, length in lengths.items() if length < espeak.sample_rate // 4] == []


def test_threads_take_turns(espeak: Library) -> None:
    lengths: list[int] = []

    def work(prosody: Prosody) -> None:
        lengths.extend(len(speak(espeak, "We all speak at once, and loudly.", prosody).samples) for _ in range(20))

    threads = [threading.Thread(target=work, args=(Prosody(voice),)) for voice in ("gmw/en-US", "gmw/en-US+f3") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(lengths) == 80
    assert min(lengths) > espeak.sample_rate
