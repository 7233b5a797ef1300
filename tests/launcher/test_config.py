import pytest
from click.testing import CliRunner

from launcher.main import main
from launcher.processes import PROCESSES


def test_shows_every_setting_of_every_process() -> None:
    ran = CliRunner().invoke(main, ["config"], catch_exceptions=False)
    assert ran.exit_code == 0
    for process in PROCESSES:
        assert f"{process.name}\n" in ran.stdout
    assert "  PARLEY_EDGE_PORT = 8000\n" in ran.stdout
    assert "  PARLEY_LLM_MODEL or KYUTAI_LLM_MODEL = -\n" in ran.stdout


def test_shows_what_differs_from_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_EDGE_PORT", "8001")
    assert "  PARLEY_EDGE_PORT = 8001  (default: 8000)\n" in CliRunner().invoke(main, ["config"]).stdout


def test_hides_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYUTAI_LLM_API_KEY", "sesame")
    ran = CliRunner().invoke(main, ["config"])
    assert "KYUTAI_LLM_API_KEY = ***" in ran.stdout
    assert "sesame" not in ran.stdout


def test_names_the_variable_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_EDGE_PORT", "many")
    ran = CliRunner().invoke(main, ["config"])
    assert ran.exit_code == 1
    assert "PARLEY_EDGE_PORT=many is not a whole number from 0 to 65535" in ran.stderr
