import json
from collections.abc import AsyncIterator

import pytest

from mesh.errors import VoiceNotFound
from tests.tts_proxy.spoken import spoken
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.clauses.splitting import Clause, Ending
from tts_proxy.engines.espeak.engine import espeak_voices
from tts_proxy.engines.espeak.speaker import EspeakSpeaker, EspeakVoices
from tts_proxy.engines.hibari.speaker import HibariSpeaker, HibariVoices
from tts_proxy.engines.hibari.voices import hibari_voices
from tts_proxy.engines.local.voices import LANGUAGES, LocalVoices, MixedSpeaker, parts_of

EMBEDDING = json.dumps({"voice": "en-us+f3", "rate": 180, "pitch": 60, "pitch_range": 40}).encode()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("All of it is English.", [("", "All of it is English.")]),
        ("Say Привет, мир in Russian.", [("", "Say"), ("ru", "Привет, мир"), ("", "in Russian.")]),
        ("你好。", [("cmn", "你好。")]),
        ("日本 です。", [("ja", "日本 です。")]),
        ("καλημέρα — yes", [("el", "καλημέρα —"), ("", "yes")]),
        ("— 😀 … Да", [("", "— 😀 …"), ("ru", "Да")]),
        ("한국 नमस्ते שלום مرحبا", [("ko", "한국"), ("hi", "नमस्ते"), ("he", "שלום"), ("ar", "مرحبا")]),
        ("5 % β-blocker", [("", "5 % β-blocker")]),
        ("ᚠᚢ", [("", "ᚠᚢ")]),
    ],
)
def test_each_script_has_its_voice(text: str, parts: list[tuple[str, str]]) -> None:
    found = list(parts_of(Clause(tuple(text.split()), Ending.SENTENCE)))
    assert [(language, " ".join(part.words)) for language, part in found] == parts
    assert [part.ending for _, part in found] == [Ending.CUT] * (len(parts) - 1) + [Ending.SENTENCE]


@pytest.fixture
async def hibari() -> AsyncIterator[HibariVoices]:
    async with hibari_voices() as voices:
        yield voices


@pytest.fixture
async def espeak() -> AsyncIterator[EspeakVoices]:
    async with espeak_voices(voice="en-us", rate=175) as voices:
        yield voices


async def test_hibari_speaks_first_and_espeak_what_hibari_lacks(hibari: HibariVoices, espeak: EspeakVoices) -> None:
    voices = LocalVoices(hibari, espeak, default="en-us-heart")
    assert isinstance(voices.speaker(""), MixedSpeaker)
    assert isinstance(voices.speaker("en-us-heart"), MixedSpeaker)
    for voice in ("en-us", "en-us+f3", "fr-fr", "de"):
        assert isinstance(voices.speaker(voice), EspeakSpeaker)
    assert isinstance(voices.speaker("custom:1", EMBEDDING), EspeakSpeaker)
    assert voices.name == "espeak"
    assert voices.voices == {"hibari": tuple(hibari.voices["hibari"]), "espeak": ()}
    assert "en-us-heart" in hibari.voices["hibari"]
    with pytest.raises(VoiceNotFound):
        voices.speaker("en-us-nobody")


async def test_a_voice_of_espeaks_may_be_the_default(hibari: HibariVoices, espeak: EspeakVoices) -> None:
    assert isinstance(LocalVoices(hibari, espeak, default="fr-fr").speaker(""), EspeakSpeaker)
    with pytest.raises(VoiceNotFound):
        LocalVoices(hibari, espeak, default="klingon")


async def test_without_espeak_there_are_hibaris_voices_only(hibari: HibariVoices) -> None:
    voices = LocalVoices(hibari, None, default="en-us-heart")
    assert isinstance(voices.speaker(""), HibariSpeaker)
    assert voices.name == "hibari"
    for voice, embedding in (("fr-fr", None), ("custom:1", EMBEDDING)):
        with pytest.raises(VoiceNotFound):
            voices.speaker(voice, embedding)


async def test_both_speak_within_a_sentence(hibari: HibariVoices, espeak: EspeakVoices) -> None:
    engine = ClauseEngine(LocalVoices(hibari, espeak, default="en-us-heart"), capacity=1, patience_s=0.3)
    speech = await spoken(engine, "You say Привет in Russian, и всё.")
    assert [word.text for word in speech.words] == ["You", "say", "Привет", "in", "Russian,", "и", "всё."]
    for word in speech.words:
        assert speech.level(word.start_s, word.stop_s) > 300
    bounds = [bound for word in speech.words for bound in (word.start_s, word.stop_s)]
    assert bounds == sorted(bounds)


async def test_every_languages_voice_exists(espeak: EspeakVoices) -> None:
    for language in set(LANGUAGES.values()):
        espeak.speaker(language)
