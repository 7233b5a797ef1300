import json
import shlex
from collections.abc import Mapping

import pytest
from click.testing import CliRunner, Result

from launcher.main import main
from launcher.processes import PROCESSES
from mesh.settings import describe
from tests.conftest import EMBEDDED


def ran(*arguments: str, environ: Mapping[str, str] | None = None) -> Result:
    """The command with these variables, and without the tests' choice of engines."""
    return CliRunner(env={**dict.fromkeys(EMBEDDED), **(environ or {})}).invoke(
        main, ["config", *arguments], catch_exceptions=False
    )


def test_shows_every_setting_of_every_process_once() -> None:
    shown = ran()
    assert shown.exit_code == 0
    for process in PROCESSES:
        assert f"{process.name}  {process.purpose}\n" in shown.stdout
        for setting in describe(process.settings_type):
            assert shown.stdout.count(f"  {setting.env[0]}=") == 1
    assert "  PARLEY_EDGE_PORT=8000" in shown.stdout
    assert "a whole number from 0 to 65535; the default" in shown.stdout
    assert "a text; not set; also KYUTAI_LLM_MODEL" in shown.stdout


@pytest.fixture
def default_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of somebody who has chosen no engine."""
    for name in EMBEDDED:
        monkeypatch.delenv(name)


def test_shows_what_differs_from_the_default_and_why(default_engines: None) -> None:  # noqa: ARG001
    environ = {"PARLEY_EDGE_PORT": "8001", "KYUTAI_LLM_MODEL": "big", "PARLEY_STT_POCKETSPHINX_WORKERS": "0"}
    shown = ran("--changed", environ=environ).stdout
    assert "  PARLEY_EDGE_PORT=8001" in shown
    assert "set by PARLEY_EDGE_PORT, default 8000" in shown
    assert "  KYUTAI_LLM_MODEL=big" in shown
    assert "PARLEY_STT_POCKETSPHINX_WORKERS" not in shown
    assert ran("--changed").stdout == "Every setting has its default.\n"


def test_an_object_is_shown_as_it_is_written() -> None:
    environ = {"PARLEY_LLM_EXTRA_BODY": '{"top_p": 0.9}'}
    assert "\nPARLEY_LLM_EXTRA_BODY='{\"top_p\":0.9}'\n" in ran("--format", "env", environ=environ).stdout


def test_is_narrowed_to_a_process_and_what_it_shares() -> None:
    shown = ran("responder").stdout
    assert "PARLEY_RESPONDER_PORT" in shown
    assert "PARLEY_LOG_LEVEL" in shown
    assert "PARLEY_EDGE_PORT" not in shown


@pytest.mark.parametrize("chosen", ["text", "json", "markdown", "env"])
def test_hides_secrets(chosen: str) -> None:
    shown = ran("--format", chosen, environ={"KYUTAI_LLM_API_KEY": "sesame"})
    assert "LLM_API_KEY" in shown.stdout
    assert "sesame" not in shown.output


CREDENTIALS = {
    "KYUTAI_LLM_URL": "https://me:sesame@llm.example/v1?api-key=sesame",
    "PARLEY_LLM_EXTRA_BODY": '{"extra_headers": {"api-key": "sesame"}, "top_p": 0.9}',
    "PARLEY_NEWS_URL": "https://news.example/?token=sesame",
    "PARLEY_STT_OPENAI_URLS": "http://me:sesame@one:1,http://me:sesame@two:2",
    "PARLEY_TTS_WYOMING_URLS": "tcp://me:sesame@one:1",
    "KYUTAI_REDIS_URL": "redis://:sesame@cache",
    "PARLEY_MESH_STT_TARGET": "http://me:sesame@one:1",
}


@pytest.mark.parametrize("chosen", ["text", "json", "markdown", "env"])
def test_hides_credentials_inside_values(chosen: str) -> None:
    shown = ran("--format", chosen, environ=CREDENTIALS)
    assert "sesame" not in shown.output
    if chosen != "markdown":
        assert "https://***@llm.example/v1?api-key=***" in shown.output


def test_a_value_with_a_credential_is_not_in_force_in_an_env_file() -> None:
    lines = ran("--format", "env", environ=CREDENTIALS).stdout.splitlines()
    assert next(line for line in lines if "***@llm.example" in line).startswith("#KYUTAI_LLM_URL=")


def test_hides_credentials_in_what_does_not_fit() -> None:
    shown = ran(environ={"PARLEY_LLM_EXTRA_BODY": '{"api_key": "sesame"', "PARLEY_MODELS_HUB": "ftp://me:sesame@hub"})
    assert shown.exit_code == 1
    assert "PARLEY_LLM_EXTRA_BODY={" in shown.stderr
    assert "PARLEY_MODELS_HUB=ftp://***@hub" in shown.stderr
    assert "sesame" not in shown.output


def test_names_every_variable_that_does_not_fit() -> None:
    shown = ran(environ={"PARLEY_EDGE_PORT": "many", "PARLEY_TTS_RATE_WPM": "fast", "PARLEY_LOG_LEVEL": "loud"})
    assert shown.exit_code == 1
    assert "PARLEY_EDGE_PORT=many is not a whole number from 0 to 65535" in shown.stderr
    assert "PARLEY_TTS_RATE_WPM=fast is not a whole number from 80 to 450" in shown.stderr
    assert shown.stderr.count("PARLEY_LOG_LEVEL=loud is not one of") == 1


def test_points_out_what_is_no_setting() -> None:
    shown = ran(environ={"PARLEY_STT_WORKER": "3"})
    assert shown.exit_code == 0
    assert "Note: PARLEY_STT_WORKER is no setting; did you mean PARLEY_STT_POCKETSPHINX_WORKERS?\n" in shown.stderr


def test_json_is_for_programs() -> None:
    settings = json.loads(ran("--format", "json", environ={"PARLEY_EDGE_PORT": "8001"}).stdout)
    [port] = [each for each in settings if "PARLEY_EDGE_PORT" in each["variables"]]
    assert port == {
        "name": "port",
        "variables": ["PARLEY_EDGE_PORT"],
        "processes": ["edge"],
        "engines": [],
        "meaning": "TCP port to listen on. 0: any free port.",
        "accepts": "a whole number from 0 to 65535",
        "secret": False,
        "default": "8000",
        "value": "8001",
        "source": "PARLEY_EDGE_PORT",
        "fault": None,
    }


def test_markdown_tells_nothing_of_this_machine() -> None:
    there = ran("--format", "markdown", environ={"PARLEY_EDGE_PORT": "8001"}).stdout
    assert there == ran("--format", "markdown").stdout
    assert "\n## `edge`\n" in there
    assert "| `PARLEY_EDGE_PORT` | TCP port to listen on. 0: any free port. | a whole number" in there


def test_an_env_file_gives_the_settings_it_was_made_from(default_engines: None) -> None:  # noqa: ARG001
    environ = {"PARLEY_EDGE_PORT": "8001", "PARLEY_EDGE_CORS_ORIGINS": "http://a,http://b"}
    lines = ran("--format", "env", environ=environ).stdout.splitlines()
    in_force = dict(shlex.split(line)[0].split("=", 1) for line in lines if line and not line.startswith("#"))
    assert in_force == environ
    assert "#PARLEY_STT_POCKETSPHINX_WORKERS=0" in lines
