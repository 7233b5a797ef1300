"""The service over a real socket, and as a process."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from grpc.aio import AioRpcError

from mesh.channels import open_channel
from mesh.errors import VoiceNotFound, from_rpc_error
from mesh.server import GrpcServer
from mesh.settings import load
from parley.voices.v1 import voices_pb2_grpc as stubs
from parley.voices.v1.voices_pb2 import DESCRIPTOR, GetVoiceRequest, ListVoicesRequest
from tts_proxy.engines.espeak.library import library
from tts_proxy.engines.espeak.voices import Voices
from voice_service.catalogue import Catalogue, read_catalogue
from voice_service.service import VoicesServicer
from voice_service.settings import VoicesSettings

LIMIT_S = 10
CHARACTERS = {"constant", "smalltalk", "guess_animal", "quiz_show", "news", "unmute_explanation"}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def own() -> Catalogue:
    """The catalogue Parley brings."""
    return read_catalogue(load(VoicesSettings, {}).path)


@asynccontextmanager
async def client(catalogue: Catalogue) -> AsyncIterator["stubs.VoiceServiceAsyncStub"]:
    """A client of a service that runs meanwhile."""
    servicer = VoicesServicer(catalogue)
    async with (
        GrpcServer(
            load(VoicesSettings, {}, port=0, metrics_port=0),
            services=[DESCRIPTOR.services_by_name["VoiceService"]],
            add=lambda server: stubs.add_VoiceServiceServicer_to_server(servicer, server),
        ) as server,
        open_channel(server.address) as channel,
    ):
        yield stubs.VoiceServiceStub(channel)


async def test_lists_the_voices_that_are_offered(own: Catalogue) -> None:
    async with client(own) as voices:
        response = await voices.ListVoices(ListVoicesRequest(), timeout=LIMIT_S)
    assert list(response.voices) == list(own.offered)


async def test_finds_a_voice_by_its_id(own: Catalogue) -> None:
    async with client(own) as voices:
        response = await voices.GetVoice(GetVoiceRequest(voice_id="en-us+f3"), timeout=LIMIT_S)
    assert response.voice.name == "Ada"


async def test_says_which_voice_there_is_not(own: Catalogue) -> None:
    async with client(own) as voices:
        with pytest.raises(AioRpcError) as caught:
            await voices.GetVoice(GetVoiceRequest(voice_id="nobody"), timeout=LIMIT_S)
    error = from_rpc_error(caught.value)
    assert isinstance(error, VoiceNotFound)
    assert error.message == "there is no voice 'nobody'"
    assert error.field == "voice_id"


def test_our_own_voices_are_voices_of_the_embedded_engine(own: Catalogue) -> None:
    engine = Voices(library(), "en-us")
    assert 6 <= len(own.offered) == len(own)
    for voice in own.offered:
        assert engine.identifier(voice.voice_id)
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
    assert f"{path}:2: source lacks 'path_on_server'" in ended.stderr
    assert "Traceback" not in ended.stderr
