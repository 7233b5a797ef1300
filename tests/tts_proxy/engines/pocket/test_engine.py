"""The engine around Pocket TTS. The package itself needs PyTorch and a model from the hub: here is its stand-in."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.engines.extras import MissingExtra
from mesh.engines.plugins import EngineUnavailable
from mesh.errors import UpstreamDown, VoiceNotFound
from mesh.settings import SettingError, load
from tests.missing import without
from tests.tts_proxy.engines.pocket.standin import FRAME, TTSModel, install
from tests.tts_proxy.spoken import spoken
from tts_proxy.engine import ENGINES, SynthesisEngine
from tts_proxy.engines.pocket.engine import called, pocket_engine
from tts_proxy.engines.pocket.plugin import PLUGIN, PocketSettings, check_installed

TEXT = "Good morning, everybody."


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> type[TTSModel]:
    return install(monkeypatch)


@pytest.fixture
async def engine(model: type[TTSModel]) -> AsyncIterator[SynthesisEngine]:  # noqa: ARG001 - it is what is loaded
    async with pocket_engine(PocketSettings()) as opened:
        yield opened


async def test_it_speaks_clause_by_clause_without_the_silence_around(
    engine: SynthesisEngine, model: type[TTSModel]
) -> None:
    said = await spoken(engine, TEXT)
    assert [word.text for word in said.words] == TEXT.split()
    heard = said.samples[said.samples != 0]
    assert len(heard) == model.frames * FRAME
    assert (heard == int(0.3 * 32_767)).all()
    # Between the clauses there is a short pause, and around them nothing.
    assert said.samples[0]
    assert said.samples[-1]
    assert 0 < len(said.samples) - len(heard) < 12_000
    starts = [word.start_s for word in said.words]
    assert starts == sorted(starts)
    assert starts[0] == 0
    assert said.words[-1].stop_s == pytest.approx(said.length_s)


async def test_a_clause_without_anything_to_say_is_silence(engine: SynthesisEngine) -> None:
    assert len((await spoken(engine, "\u2026")).samples) == 0


async def test_leaving_stops_it_at_once(engine: SynthesisEngine, model: type[TTSModel]) -> None:
    model.slow.set()
    async with asyncio.timeout(10), engine.open("") as utterance:
        await utterance.speak("word " * 100)
        await utterance.finish()
        reader = asyncio.ensure_future(anext(aiter(utterance)))
        while model.frames < 2:  # noqa: ASYNC110 - the stand-in counts in another thread
            await asyncio.sleep(0.01)
        reader.cancel()
        await asyncio.wait([reader])
    before = model.frames
    model.slow.clear()
    assert (await spoken(engine, "Hi.")).length_s > 0
    assert model.frames - before < 10


async def test_its_failure_is_told(engine: SynthesisEngine, model: type[TTSModel]) -> None:
    model.breaks = True
    with pytest.raises(UpstreamDown):
        await spoken(engine, TEXT)


async def test_voices_are_those_of_the_settings(model: type[TTSModel], tmp_path: Path) -> None:
    recording = tmp_path / "mine.wav"
    recording.touch()
    async with pocket_engine(
        PocketSettings(language="french", voices=(str(recording), "estelle"), quantize=True)
    ) as engine:
        assert model.loaded == ("french", True)
        assert engine.voices == {"pocket": ("mine", "estelle")}
        for voice in ("", "mine", "estelle"):
            assert (await spoken(engine, "Bonjour.", voice)).length_s > 0
        with pytest.raises(VoiceNotFound):
            await spoken(engine, "Bonjour.", "alba")
        with pytest.raises(VoiceNotFound):
            async with engine.open("", b"{}"):
                pass
    async with pocket_engine(PocketSettings(language="french")) as engine:
        assert engine.voices == {"pocket": ("estelle",)}


@pytest.mark.parametrize(
    ("voice", "name"),
    [
        ("alba", "alba"),
        ("/voices/me.wav", "me"),
        ("hf://kyutai/tts-voices/vctk/p228_023_enhanced.wav@64ab", "p228_023_enhanced"),
    ],
)
def test_names(voice: str, name: str) -> None:
    assert called(voice) == name


async def test_what_it_does_not_have_is_a_wrong_setting(model: type[TTSModel]) -> None:
    for settings, name in (
        (PocketSettings(language="klingon"), "PARLEY_TTS_POCKET_LANGUAGE"),
        (PocketSettings(voices=("nobody",)), "PARLEY_TTS_POCKET_VOICES"),
    ):
        with pytest.raises(SettingError, match=name):
            async with pocket_engine(settings):
                pass
    model.offline = True
    with pytest.raises(EngineUnavailable, match="cannot be had"):
        async with pocket_engine(PocketSettings()):
            pass


async def test_doctor_has_it_say_a_word(model: type[TTSModel]) -> None:
    (finding,) = await PLUGIN.check(load(PocketSettings, {}))
    assert finding.state == "fine"
    model.offline = True
    (finding,) = await PLUGIN.check(load(PocketSettings, {}))
    assert finding.state == "wrong"


def test_it_is_one_of_the_engines(model: type[TTSModel]) -> None:  # noqa: ARG001 - it is what is installed
    assert ENGINES.choose({"PARLEY_TTS_ENGINE": "pocket"}).plugin.name == "pocket"


def test_without_its_packages_it_says_which(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(monkeypatch, tmp_path, "pocket_tts")
    with pytest.raises(MissingExtra, match=r"parley\[pocket\]"):
        check_installed()
