import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PARLEY_TTS_VOICE", "klingon", "PARLEY_TTS_VOICE: there is no voice 'klingon'"),
        ("PARLEY_TTS_RATE", "9000", "PARLEY_TTS_RATE"),
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
