"""The service over a real socket, and as a process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hibari.voices import VOICES

from mesh.errors import VoiceNotFound
from mesh.settings import load
from parley.voices.v1.voices_pb2 import ListVoicesRequest
from tests.voice_service.harness import LIMIT_S, client_of, voice_service
from tts_proxy.engines.espeak.library import library
from tts_proxy.engines.espeak.voices import Voices
from voice_service.catalogue import Catalogue, read_catalogue
from voice_service.settings import VoicesSettings

CHARACTERS = {"constant", "smalltalk", "guess_animal", "quiz_show", "news", "unmute_explanation"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def own() -> Catalogue:
    """The catalogue Parley brings."""
    return read_catalogue(load(VoicesSettings, {}).path)


async def test_lists_the_voices_that_are_offered(own: Catalogue) -> None:
    async with voice_service(own) as server, client_of(server.address) as client:
        response = await client.stub.ListVoices(ListVoicesRequest(), timeout=LIMIT_S)
    assert list(response.voices) == list(own.offered)


async def test_finds_a_voice_by_its_id(own: Catalogue) -> None:
    async with voice_service(own) as server, client_of(server.address) as client:
        assert (await client.find("en-us+f3")).name == "Ada"


async def test_says_which_voice_there_is_not(own: Catalogue) -> None:
    async with voice_service(own) as server, client_of(server.address) as client:
        with pytest.raises(VoiceNotFound, match="there is no voice 'nobody'") as caught:
            await client.find("nobody")
    assert caught.value.field == "voice_id"


def test_our_own_voices_are_voices_of_the_engines_of_this_machine(own: Catalogue) -> None:
    engine = Voices(library(), "en-us")
    espeaks = own.offered_with({"espeak": []})
    assert len(espeaks) >= 6
    for voice in espeaks:
        assert engine.identifier(voice.voice_id)
    hibaris = {f"{voice['language'].lower()}-{name}" for name, voice in VOICES.items()}
    assert {voice.voice_id for voice in own.offered_with({"hibari": []})} == hibaris
    assert len(own.offered) == len(own)
    for voice in own.offered:
        assert voice.HasField("language")
        assert voice.character.kind in CHARACTERS
        assert voice.character.HasField("text") == (voice.character.kind == "constant")


def test_every_character_has_a_voice(own: Catalogue) -> None:
    assert {voice.character.kind for voice in own.offered} == CHARACTERS


def test_the_first_voices_speak_english(own: Catalogue) -> None:
    assert [voice.character.HasField("language") for voice in own.offered[:3]] == [False] * 3


def test_the_catalogue_can_be_seen_at_the_root() -> None:
    assert (ROOT / "voices.yaml").read_bytes() == (ROOT / "voice_service" / "voices.yaml").read_bytes()


def test_a_bad_catalogue_ends_the_process_with_file_line_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("- name: Ada\n  source: {source_type: file}\n")
    ended = subprocess.run(
        [sys.executable, "-m", "voice_service"],
        env={**os.environ, "PARLEY_VOICES_FILE": str(path), "PARLEY_VOICES_PORT": "0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert f"{path}:2: voice 1 'Ada': source lacks 'path_on_server'" in ended.stderr
    assert "Traceback" not in ended.stderr
