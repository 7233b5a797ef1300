"""A file of settings, as `parley config --format env` writes it."""

from pathlib import Path

import msgspec
import pytest
from dotenv import dotenv_values

from launcher.configuration.formats import as_env
from launcher.configuration.inventory import inventory
from tests.launcher.conftest import Parley

VALUES = {
    "PARLEY_LLM_EXTRA_BODY": '{"seed":7,"note":"$HOME # no comment"}',
    "PARLEY_LLM_THINKING_TEXT": "I'm at it…",
    "PARLEY_EDGE_CORS_ORIGINS": "https://a.example,https://b.example",
    "PARLEY_STT_POCKETSPHINX_WORKERS": "3",
    "PARLEY_VOICES_FILE": "/a folder/voices.yaml",
}


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text(as_env(inventory(VALUES)))
    read = dotenv_values(file, interpolate=False)
    assert {name: value for name, value in read.items() if name in VALUES} == VALUES
    assert read.keys() == VALUES.keys()


async def test_a_command_reads_its_settings_from_a_file(tmp_path: Path, parley: Parley) -> None:
    file = tmp_path / "settings"
    file.write_text("PARLEY_STT_POCKETSPHINX_WORKERS=3\nPARLEY_TTS_RATE_WPM=200\n")
    ran = await parley("config", "--env-file", file, "--changed", "--format", "json", PARLEY_TTS_RATE_WPM="150")
    assert ran.code == 0, ran.err
    values = {entry["name"]: entry["value"] for entry in msgspec.json.decode(ran.out)}
    assert values["workers"] == "3"
    assert values["rate"] == "150", "a variable that is set already has priority"


@pytest.mark.parametrize("command", ["up", "doctor"])
async def test_a_setting_of_the_file_that_does_not_fit_is_named(tmp_path: Path, parley: Parley, command: str) -> None:
    file = tmp_path / "settings"
    file.write_text("PARLEY_TTS_RATE_WPM=fast\n")
    ran = await parley(command, "--env-file", file)
    assert ran.code == 1
    assert "PARLEY_TTS_RATE_WPM=fast is not a whole number" in ran.err + ran.out


async def test_a_file_that_is_not_there(tmp_path: Path, parley: Parley) -> None:
    ran = await parley("up", "--env-file", tmp_path / "nothing")
    assert ran.code == 2
