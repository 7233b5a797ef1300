import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PARLEY_TTS_VOICE", "klingon", "PARLEY_TTS_VOICE: there is no voice 'klingon'"),
        ("PARLEY_TTS_RATE_WPM", "9000", "PARLEY_TTS_RATE_WPM"),
    ],
)
def test_settings_that_do_not_fit_end_the_process(variable: str, value: str, said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tts_proxy"],
        env={**os.environ, "PARLEY_TTS_PORT": "0", "PARLEY_TTS_METRICS_PORT": "0", variable: value},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode != 0
    assert said in ended.stderr


@pytest.mark.parametrize(
    ("engine", "module", "said"),
    [
        ("espeak", "espeakng_loader", "espeakng-loader; install them with: pip install 'parley[embedded]'"),
        ("local", "hibari", "hibari; install them with: pip install 'parley[local]'"),
    ],
)
def test_a_voice_that_is_not_installed_ends_the_process_for_good(engine: str, module: str, said: str) -> None:
    ended = subprocess.run(  # noqa: S603 - our own code
        [
            sys.executable,
            "-c",
            f"import sys; sys.modules['{module}'] = None; import tts_proxy.main as it; it.main()",
        ],
        env={**os.environ, "PARLEY_TTS_PORT": "0", "PARLEY_TTS_METRICS_PORT": "0", "PARLEY_TTS_ENGINE": engine},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == os.EX_CONFIG
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
