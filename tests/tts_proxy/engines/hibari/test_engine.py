# ruff: noqa: RUF001 - text in many scripts is what this is about
import asyncio
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hibari.tts import ASSETS
from hibari.voices import VOICES

from mesh.audio import SAMPLE_RATE
from mesh.errors import VoiceNotFound
from tests.tts_proxy.spoken import Spoken, spoken
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.espeak.engine import espeak_engine
from tts_proxy.engines.espeak.plugin import EspeakSettings
from tts_proxy.engines.hibari.speaker import HibariVoice, HibariVoices, as_loud_as_others, audible
from tts_proxy.engines.hibari.voices import DEFAULT_VOICE, hibari_voices, load_voices


async def test_words_lie_where_they_are_heard(engine: ClauseEngine) -> None:
    speech = await spoken(engine, "Tomatoes. Daddy bought bananas, tomorrow.")
    tomatoes, daddy, _, bananas, tomorrow = speech.words
    assert [word.text for word in speech.words] == ["Tomatoes.", "Daddy", "bought", "bananas,", "tomorrow."]
    for word in speech.words:
        assert speech.level(word.start_s, word.stop_s) > 500
    for before, after in ((tomatoes, daddy), (bananas, tomorrow)):
        assert speech.level(before.stop_s + 0.01, after.start_s - 0.03) == 0
    assert daddy.start_s - tomatoes.stop_s == pytest.approx(0.35, abs=0.06)
    assert tomorrow.start_s - bananas.stop_s == pytest.approx(0.15, abs=0.06)
    assert tomorrow.stop_s == pytest.approx(speech.length_s)


async def test_a_pause_within_a_clause_lies_between_its_words(engine: ClauseEngine) -> None:
    """The network's own times against what can be heard: the silence before a "b" or "p" is never in a vowel."""
    speech = await spoken(engine, "Big bears purr (but bats beep) perfectly")
    for word in speech.words[1:]:
        closing = speech.level(word.start_s - 0.06, word.start_s + 0.02)
        vowel = speech.level(word.start_s + 0.04, word.start_s + 0.14)
        assert closing < vowel


@pytest.mark.parametrize("text", ["Hello there, my friend.", "Yes", "Eight.", "A"])
async def test_speech_begins_and_ends_with_sound(engine: ClauseEngine, text: str) -> None:
    speech = await spoken(engine, text)
    assert speech.level(0, 0.02) > 50
    assert speech.level(speech.length_s - 0.02, speech.length_s) > 20
    assert speech.words[0].start_s == 0


TEXTS = [
    "It costs $3.50 on the 12th of May 2024, at 10:30.",
    "l'été à Genève, c'est **très** beau",
    "a\u0301\u0302\u0303 \U0001d49c",
    "word " * 40,
    "x" * 130,
    "W." * 30,
    "9" * 40,
    "$1,2.3.4 5/6/7 %%% @@ &c. 10:99:99 -0 1e309",
    "See https://example.com/a?b=c&d=e#f or mail me@example.org!",
]


@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_can_be_spoken(engine: ClauseEngine, text: str) -> None:
    speech = await spoken(engine, text)
    bounds = [round(bound, 6) for word in speech.words for bound in (word.start_s, word.stop_s)]
    assert "".join(word.text for word in speech.words) == "".join(text.split())
    assert bounds == sorted(bounds)
    assert bounds[0] == 0
    assert bounds[-1] <= speech.length_s + 1e-6


@pytest.mark.parametrize(
    "text",
    ["", " \n", "😀 🎉", "* * * ---", "... — !", "\x00\x1b\x07", "Привет, мир!", "你好，世界。", "❶ ❷", "\u202e\u200d"],
)
async def test_what_cannot_be_said_is_silent(engine: ClauseEngine, text: str) -> None:
    speech = await spoken(engine, text)
    assert speech.words == []
    assert speech.length_s == 0


async def test_words_of_another_script_are_left_out(engine: ClauseEngine) -> None:
    plain, mixed = [await spoken(engine, text) for text in ("You say in Russian.", "You say Привет in Russian.")]
    assert [word.text for word in mixed.words] == ["You", "say", "in", "Russian."]
    assert mixed.length_s == pytest.approx(plain.length_s, abs=0.05)


async def test_ten_thousand_characters_without_a_space_are_spoken_clause_by_clause(engine: ClauseEngine) -> None:
    async with engine.open("") as utterance:
        await utterance.speak("abcdefghij" * 1_000)
        events = aiter(utterance)
        for _ in range(3):
            await anext(events)


async def test_it_is_as_loud_as_espeak_and_never_clipped(engine: ClauseEngine) -> None:
    text = "I think the first thing to know about the tides is that they come twice a day. Would you like to hear more?"
    speech = await spoken(engine, text)
    async with espeak_engine(EspeakSettings()) as other:
        reference = await spoken(other, text)
    assert 20 * np.log10(speech.loudness() / reference.loudness()) == pytest.approx(0, abs=1.5)
    assert np.abs(speech.samples).max() < 32_000


def test_what_would_be_clipped_is_made_less_loud() -> None:
    assert np.abs(as_loud_as_others(np.array([0.2, -0.9, 2.0], np.float32))).max() == pytest.approx(
        0.95 * 32_767, abs=2
    )
    assert as_loud_as_others(np.zeros(3, np.float32)).tolist() == [0, 0, 0]


def test_silence_on_both_sides_is_found() -> None:
    samples = np.zeros(2_400, np.float32)
    assert audible(samples) == (0, 0)
    samples[600:1_200] = 0.01
    assert audible(samples) == (600, 1_200)


async def test_rate_is_pace(loaded: dict[str, HibariVoice]) -> None:
    with ThreadPoolExecutor(max_workers=1) as thread:
        lengths = []
        for speed in (0.5, 1.0, 2.0):
            voices = HibariVoices(loaded, thread, default=DEFAULT_VOICE, speed=speed)
            engine = ClauseEngine(voices, capacity=1, patience_s=0.3)
            lengths.append((await spoken(engine, "The tides come twice a day.")).length_s)
    assert lengths[0] > 1.5 * lengths[1] > 2 * lengths[2]


@pytest.mark.parametrize("voice", ["en-us", "heart", "en-gb-emma", "en-us-nobody", "../heart"])
async def test_an_unknown_voice_is_refused(engine: ClauseEngine, voice: str) -> None:
    with pytest.raises(VoiceNotFound, match="there is no voice"):
        async with engine.open(voice):
            pytest.fail("it was opened")


async def test_an_embedding_is_refused(engine: ClauseEngine) -> None:
    with pytest.raises(VoiceNotFound):
        async with engine.open("custom:1", b"{}"):
            pytest.fail("it was opened")


async def test_an_unknown_default_voice_is_refused_at_start() -> None:
    with pytest.raises(VoiceNotFound):
        async with hibari_voices(voice="en-us-nobody"):
            pytest.fail("it was started")


async def test_many_speak_at_once(engine: ClauseEngine) -> None:
    texts = ["One is enough.", "Two are company, three are a crowd.", "Four?"] * 3
    alone = [await spoken(engine, text) for text in texts[:3]] * 3
    together = await asyncio.gather(*(spoken(engine, text) for text in texts))
    assert [_texts(speech) for speech in together] == [_texts(speech) for speech in alone]
    assert [speech.length_s for speech in together] == pytest.approx([speech.length_s for speech in alone], abs=0.03)


def _texts(speech: Spoken) -> list[str]:
    return [word.text for word in speech.words]


async def test_cancelling_stops_the_synthesis(engine: ClauseEngine) -> None:
    text = "1,234,567 " * 5
    begun = time.process_time()
    await spoken(engine, text)
    whole = time.process_time() - begun
    speaking = asyncio.create_task(spoken(engine, text))
    await asyncio.sleep(0.02)
    begun = time.process_time()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    # There is one thread: it has let go of the first text before it speaks the next.
    await spoken(engine, "No.")
    assert time.process_time() - begun < whole / 2


class TestVoicesBesideThePackages:
    """The files of hibari's other voices are its own business; a copy of the one that is here stands for them."""

    @pytest.fixture(autouse=True)
    def home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("HIBARI_HOME", str(tmp_path))
        shutil.copy(Path(ASSETS) / "hibari.onnx", tmp_path / VOICES["emma"]["file"])
        return tmp_path

    def test_a_voice_whose_file_is_here_is_offered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(VOICES, "emma", {**VOICES["emma"], "sha256": VOICES["heart"]["sha256"]})
        assert set(load_voices()) == {"en-us-heart", "en-gb-emma"}

    def test_a_file_that_is_another_is_not(self) -> None:
        assert set(load_voices()) == {"en-us-heart"}


def test_the_working_format_is_the_networks() -> None:
    assert SAMPLE_RATE == 24_000
