# ruff: noqa: RUF001 - text in many scripts is what this is about
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from mesh.errors import AtCapacity, VoiceNotFound
from tests.tts_proxy.spoken import spoken
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engine import Audio, Word
from tts_proxy.engines.espeak.engine import espeak_engine
from tts_proxy.engines.espeak.plugin import EspeakSettings


@pytest.fixture
async def engine() -> AsyncIterator[ClauseEngine]:
    async with espeak_engine(EspeakSettings(capacity=16)) as loaded:
        yield loaded


async def test_words_lie_where_they_are_heard(engine: ClauseEngine) -> None:
    speech = await spoken(engine, "Tomatoes. Daddy bought bananas, tomorrow.")
    tomatoes, daddy, _, bananas, tomorrow = speech.words
    assert [word.text for word in speech.words] == ["Tomatoes.", "Daddy", "bought", "bananas,", "tomorrow."]
    for word in speech.words:
        assert speech.level(word.start_s, word.stop_s) > 1_000
    for before, after in ((tomatoes, daddy), (bananas, tomorrow)):
        assert speech.level(before.stop_s + 0.01, after.start_s - 0.01) == 0
    assert daddy.start_s - tomatoes.stop_s == pytest.approx(0.35, abs=0.001)
    assert tomorrow.start_s - bananas.stop_s == pytest.approx(0.15, abs=0.001)
    assert tomorrow.stop_s == pytest.approx(speech.length_s)


async def test_a_word_does_not_move_with_what_was_said_before(engine: ClauseEngine) -> None:
    alone = await spoken(engine, "Bananas.")
    later = await spoken(engine, "One, two, three. Four and five! Bananas.")
    word = later.words[-1]
    assert word.stop_s - word.start_s == pytest.approx(alone.length_s, abs=0.03)
    assert later.level(word.start_s - 0.1, word.start_s) == 0
    assert later.level(word.start_s, word.start_s + 0.1) > 500


async def test_any_text_can_be_spoken(engine: ClauseEngine) -> None:
    texts = [
        "It costs $3.50 on the 12th of May 2024, at 10:30.",
        "l'été à Genève, c'est **très** beau",
        "Привет, как дела?",
        "你好，世界",
        "\u202bשלום\u202c مرحبا",
        "a\u0301\u0302\u0303 \U0001d49c",
        "word " * 500,
        "x" * 2_000,
        "W." * 500,
        "9" * 1_000,
    ]
    for text in texts:
        speech = await spoken(engine, text)
        bounds = [round(bound, 6) for word in speech.words for bound in (word.start_s, word.stop_s)]
        assert "".join(word.text for word in speech.words) == "".join(text.split())
        assert bounds == sorted(bounds)
        assert bounds[0] == 0.0
        assert bounds[-1] <= speech.length_s + 1e-6


async def test_what_cannot_be_said_leaves_no_gap(engine: ClauseEngine) -> None:
    plain = await spoken(engine, "This is really good, yes.")
    marked = await spoken(engine, "* This is **really** good, 🎉 `yes.` 👍 ---")
    assert [word.text for word in marked.words] == ["This", "is", "**really**", "good,", "`yes.`"]
    assert [word.start_s for word in marked.words] == pytest.approx([word.start_s for word in plain.words], abs=0.03)
    assert marked.length_s == pytest.approx(plain.length_s, abs=0.1)


async def test_voices_differ(engine: ClauseEngine) -> None:
    lengths = {
        voice: (await spoken(engine, "Bonjour, my friends.", voice)).length_s for voice in ("en-us", "fr-fr+f2", "de")
    }
    assert len(set(lengths.values())) == len(lengths)


async def test_an_unknown_voice_is_refused(engine: ClauseEngine) -> None:
    with pytest.raises(VoiceNotFound):
        async with engine.open("en-us+nobody"):
            pytest.fail("it was opened")


async def test_an_unknown_default_voice_is_refused_at_start() -> None:
    with pytest.raises(VoiceNotFound):
        async with espeak_engine(EspeakSettings(voice="klingon")):
            pytest.fail("it was started")


async def test_slots_are_counted_and_come_back(engine: ClauseEngine) -> None:
    async with AsyncExitStack() as slots:
        for _ in range(engine.capacity):
            await slots.enter_async_context(engine.open(""))
        with pytest.raises(AtCapacity):
            await slots.enter_async_context(engine.open(""))
    with pytest.raises(RuntimeError):
        async with engine.open(""):
            raise RuntimeError
    async with AsyncExitStack() as slots:
        for _ in range(engine.capacity):
            await slots.enter_async_context(engine.open(""))


async def test_many_speak_at_once_and_keep_their_voices(engine: ClauseEngine) -> None:
    text = "We are many, and we all speak at once. " * 5
    voices = ["en-us", "en-us+f3", "fr-fr", "en-gb-x-rp+m3"]
    alone = {voice: (await spoken(engine, text, voice)).length_s for voice in voices}
    chorus = voices * 4
    together = await asyncio.gather(*(spoken(engine, text, voice) for voice in chorus))
    assert [speech.length_s for speech in together] == pytest.approx([alone[voice] for voice in chorus], rel=0.02)


async def test_a_long_text_delays_others_by_one_clause(engine: ClauseEngine) -> None:
    clauses = 0
    begun = asyncio.Event()

    async def drone() -> None:
        nonlocal clauses
        async with engine.open("") as utterance:
            await utterance.speak("and so on and on and on it goes without any end in sight, " * 170)
            async for event in utterance:
                clauses += isinstance(event, Audio)
                begun.set()

    droning = asyncio.create_task(drone())
    await begun.wait()
    async with engine.open("") as utterance:
        await utterance.speak("Excuse me!")
        before = clauses
        assert isinstance(await anext(aiter(utterance)), Word)
        assert clauses - before <= 2
    assert not droning.done()
    droning.cancel()
    with pytest.raises(asyncio.CancelledError):
        await droning


async def test_cancelling_stops_the_synthesis(engine: ClauseEngine) -> None:
    # One clause that takes the library long: it spells each character out.
    gibberish = "中" * 30
    speaking = asyncio.create_task(spoken(engine, f"{gibberish} {gibberish} {gibberish}"))
    await asyncio.sleep(0.005)
    begun = time.perf_counter()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    await spoken(engine, "Next.")
    assert time.perf_counter() - begun < 0.1
