"""The whole doctor, in a process of its own, with many faults at once."""

import json
import socket
from pathlib import Path

import pytest

from tests.fakes.llm import FakeLlm, serving
from tests.launcher.conftest import Parley
from tests.ports import free_port


@pytest.fixture
def broken_installation(tmp_path: Path) -> str:
    """A folder for PYTHONPATH: with it PocketSphinx is not installed, and eSpeak NG crashes."""
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['pocketsphinx'] = None\n")
    (tmp_path / "espeakng_loader.py").write_text("import os\nos.kill(os.getpid(), 11)\n")
    return str(tmp_path)


async def test_names_every_fault(parley: Parley, tmp_path: Path, broken_installation: str, port_offset: int) -> None:
    voices = tmp_path / "voices.yaml"
    voices.write_text("- name: Ada\n  source: {source_type: film, path_on_server: ada.wav}\n")
    llm = FakeLlm()
    llm.status = 401
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1] - port_offset
        async with serving(llm) as url:
            ran = await parley(
                *("doctor", "--format", "json", "--port", str(free_port()), "--port-offset", str(port_offset)),
                KYUTAI_LLM_URL=url,
                KYUTAI_LLM_API_KEY="sk-very-secret",
                PARLEY_TTS_PORT=str(port),
                PARLEY_TTS_ENGINE="espeak",
                PARLEY_TTS_RATE_WPM="fast",
                PARLEY_STT_WORKER="3",
                PARLEY_VOICES_FILE=str(voices),
                PYTHONPATH=broken_installation,
            )
    assert ran.code == 1, ran.err
    report = json.loads(ran.out)
    faults = {(each["check"], each["about"]): each for each in report["findings"] if each["state"] != "fine"}
    assert not report["ok"]
    assert faults["Settings", "PARLEY_TTS_RATE_WPM"]["state"] == "wrong"
    assert faults["Settings", "PARLEY_STT_WORKER"]["state"] == "advice"
    assert "the tts-proxy wants it" in faults["Ports", str(port + port_offset)]["found"]
    recogniser = faults["Recogniser", "packages"]
    assert recogniser["found"] == "packages are not installed: pocketsphinx"
    assert recogniser["remedy"] == "pip install 'parley[embedded]'"
    assert faults["Voice", "espeak"]["found"] == "does not work: it crashed (SIGSEGV)"
    assert "the key was refused" in faults["Language model", "server"]["found"]
    assert "voices.yaml:2:" in faults["Voices file", "line 2"]["found"]
    assert all(each["remedy"] for each in faults.values())
    assert "sk-very-secret" not in ran.out + ran.err


async def test_says_that_no_mesh_runs(parley: Parley, port_offset: int) -> None:
    edge_port = free_port()
    ran = await parley("doctor", "--running", "--port", str(edge_port), "--port-offset", str(port_offset))
    assert ran.code == 1
    assert f"edge: no Parley answers at http://127.0.0.1:{edge_port}" in ran.out
    assert "to do: start it: parley up" in ran.out
    assert "1 thing is wrong." in ran.out
    assert "\x1b" not in ran.out


async def test_up_needs_the_engines_and_says_so_before_anything_starts(
    parley: Parley, broken_installation: str
) -> None:
    ran = await parley("up", PYTHONPATH=broken_installation)
    assert ran.code == 78
    assert ran.out == ""
    assert "pocketsphinx needs packages that are not installed: pocketsphinx" in ran.err
    assert "pip install 'parley[embedded]'" in ran.err
