"""An engine of somebody else's: a package of its own, installed with pip, that touches no file of Parley."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mesh.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES
from mesh.rpc.channels import open_channel
from mesh.rpc.health import is_serving
from mesh.times import seconds
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub
from stt_proxy.engine import ENGINES, Flushed, Pause, Word
from tests.docs.blocks import blocks
from tests.importable import importable
from tests.ports import free_port, reserved_offset
from tests.tts_proxy.proxy import LIMIT_S, config, finish, text

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).with_name("humming")
MODULES = ("humming", "humming_plugin", "knocking")
KNOCK = np.full(FRAME_SAMPLES, 5_000, "<i2").tobytes()
PARLEY = "from launcher.main import main; main()"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the package is installed beside Parley."""
    folder = tmp_path_factory.mktemp("humming")
    # Building leaves things behind, so what is built is a copy.
    source = shutil.copytree(PACKAGE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    target = folder / "installed"
    subprocess.run(  # noqa: S603 - our own package
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-index", "--no-build-isolation", "--target", str(target), str(source)),
        ],
        check=True,
        timeout=100,
    )
    return {**os.environ, "PYTHONPATH": str(target)}


def parley(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", PARLEY, *arguments],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


async def test_its_voice_is_heard_through_the_proxy(installed: dict[str, str]) -> None:
    port = free_port()
    own = {"PARLEY_TTS_ENGINE": "humming", "PARLEY_TTS_PORT": str(port), "PARLEY_TTS_METRICS_PORT": "0"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tts_proxy"), env=installed | own, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(3 * LIMIT_S):
            while not await is_serving(channel, within=1.0):
                assert process.returncode is None
                await asyncio.sleep(0.1)
            call = TextToSpeechServiceStub(channel).Synthesize(
                iter([config(), text("La la la"), finish()]), timeout=LIMIT_S
            )
            responses = [response async for response in call]
    finally:
        if process.returncode is None:
            process.terminate()
        _, logged = await process.communicate()
    assert [response.word.text for response in responses if response.HasField("word")] == ["La", "la", "la"]
    assert seconds(responses[-1].finished.audio_duration) == 0.75
    assert b"engine=humming" in logged
    assert process.returncode == 0


async def test_its_recogniser_hears(installed: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    importable(monkeypatch, installed["PYTHONPATH"])
    plugin = ENGINES.plugins["knocking"]
    async with asyncio.timeout(LIMIT_S), plugin.open(plugin.settings_type()) as engine, engine.open("") as stream:
        await stream.send(bytes(FRAME_BYTES) + 2 * KNOCK + bytes(FRAME_BYTES) + KNOCK)
        await stream.flush(1)
        await stream.finish()
        heard = [event async for event in stream]
    assert [event for event in heard if not isinstance(event, Pause)] == [
        Word("knock", FRAME_S, 3 * FRAME_S),
        Word("knock", 4 * FRAME_S, 5 * FRAME_S),
        Flushed(1),
    ]
    assert [event.probability for event in heard if isinstance(event, Pause)] == [1.0, 0.0, 0.0, 1.0, 0.0]


def test_its_settings_are_listed_and_its_faults_are_told(installed: dict[str, str]) -> None:
    listed = parley("config", "tts-proxy", "--format", "json", environ=installed)
    [pitch] = [each for each in json.loads(listed.stdout) if each["name"] == "pitch_hz"]
    assert (pitch["variables"], pitch["engines"]) == (["PARLEY_TTS_HUMMING_PITCH_HZ"], ["humming"])
    faulty = parley("tts-proxy", environ=installed | {"PARLEY_TTS_HUMMING_PITCH_HZ": "high"})
    assert faulty.returncode == 1
    assert "PARLEY_TTS_HUMMING_PITCH_HZ=high is not a number" in faulty.stderr
    unknown = parley("tts-proxy", environ=installed | {"PARLEY_TTS_ENGINE": "hum"})
    assert "PARLEY_TTS_ENGINE=hum is not an installed engine: expected one of " in unknown.stderr
    named = unknown.stderr.splitlines()[0].rpartition("expected one of ")[2].split(", ")
    assert {"espeak", "humming", "moshi"} <= {*named}


def test_doctor_tries_it(installed: dict[str, str]) -> None:
    environ = installed | {"PARLEY_TTS_ENGINE": "humming"}
    with reserved_offset() as offset:
        ran = parley("doctor", "--format", "json", "--port-offset", str(offset), environ=environ)
    [voice] = [each for each in json.loads(ran.stdout)["findings"] if each["check"] == "Voice"]
    assert voice["state"] == "fine"
    assert voice["found"].startswith("hums at 220 Hz")


@pytest.mark.parametrize("module", MODULES)
def test_the_documentation_shows_it(module: str) -> None:
    shown = {block.saved_as: block.text for block in blocks(ROOT / "docs" / "engines.md") if block.saved_as}
    assert shown[f"{module}.py"].partition("\n")[2].strip() == (PACKAGE / f"{module}.py").read_text().strip()


def test_the_documentation_shows_its_metadata() -> None:
    assert (PACKAGE / "pyproject.toml").read_text() in (ROOT / "docs" / "engines.md").read_text()
