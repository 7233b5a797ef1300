"""What is published: built, installed from a wheel where there is no checkout, and used."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests.docs.shell_user import ShellUser
from tests.packaging.pythons import pythons
from tests.requirements import required

pytestmark = [
    pytest.mark.packages,
    pytest.mark.skipif(
        not required("packages"),
        reason="builds and installs with pip; `tox -e packages` runs this",
    ),
    pytest.mark.timeout(600),
]

ROOT = Path(__file__).parents[2]
PORTS = "--port 10400 --port-offset 2400"


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source distribution, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "build", "--outdir", folder, ROOT], check=True, timeout=300)  # noqa: S603
    return folder


@pytest.fixture(scope="session")
def wheel(built: Path) -> Path:
    [wheel] = built.glob("*.whl")
    return wheel


def tracked(*folders: str) -> set[str]:
    listed = subprocess.run(  # noqa: S603 - our own folders
        ["git", "ls-files", *folders],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return set(listed.stdout.split())


def packages() -> list[str]:
    configured = re.search(r"\[tool\.hatch\.build\.targets\.wheel\]\npackages = \[(.*?)\]", pyproject(), re.DOTALL)
    assert configured
    return re.findall(r'"(.+?)"', configured[1])


def pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text()


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    wanted = {path.removeprefix("protos/") for path in tracked(*packages())}
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert wanted - held == set()
    assert {name for name in held - wanted if not (ROOT / name).exists()} == set()
    assert {
        "voice_service/voices.yaml",
        "voice_service/donations/sentences.txt",
        "parley/py.typed",
        "parley/conversation/v1/conversation.proto",
    } <= held


def test_every_package_of_the_checkout_is_published() -> None:
    folders = {path.parent for path in ROOT.glob("*/__init__.py")}
    assert {folder.name for folder in folders} - {"tests"} <= set(packages())


def test_the_source_distribution_holds_the_checkout(built: Path) -> None:
    [archive] = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        held = {name.partition("/")[2] for name in opened.getnames()}
    assert {path for path in tracked() if path not in held} == set()


@pytest.mark.parametrize("version", pythons())
def test_an_installed_mesh_speaks(version: str, wheel: Path, tmp_path: Path) -> None:
    user = ShellUser(tmp_path, tmp_path / "home", pythons()[version])
    # Without a compiler: every package must have a wheel for this Python.
    user.type(f"python3 -m venv .venv && .venv/bin/pip install --only-binary :all: '{wheel}[embedded]'")
    assert "site-packages" in user.type(".venv/bin/python -c 'import launcher; print(launcher.__file__)'")
    user.type("mkdir empty")
    try:
        user.start(f"cd empty && ../.venv/bin/parley up {PORTS}")
        user.type(".venv/bin/parley say 'What time is it?' --target 127.0.0.1:52451 --out answer.wav")
        user.type(".venv/bin/parley call answer.wav --url ws://127.0.0.1:10400 --out reply.wav")
    finally:
        user.leave()
    assert (tmp_path / "answer.wav").stat().st_size > 24_000


def test_without_engines_it_says_what_to_install(wheel: Path, tmp_path: Path) -> None:
    user = ShellUser(tmp_path, tmp_path / "home", pythons()[".".join(map(str, sys.version_info[:2]))])
    user.type(f"python3 -m venv .venv && .venv/bin/pip install '{wheel}'")
    assert "espeakng" not in user.type(".venv/bin/pip list")
    for process in ("stt-proxy", "tts-proxy"):
        said = user.type(f".venv/bin/parley {process}; test $? = 78")
        assert "install them with: pip install 'parley[local]'" in said
        assert "Traceback" not in said
    said = user.type(f".venv/bin/parley up {PORTS}; test $? = 78")
    assert "whisper needs packages that are not installed" in said
    assert "local needs packages that are not installed" in said
    # What it says helps, and takes nothing else that is called parley.
    user.type(".venv/bin/pip install 'parley[local]'")
    assert re.search(r"^parley +0\.1\.0", user.type(".venv/bin/pip list"), re.MULTILINE)
    try:
        user.start(f"PARLEY_STT_WHISPER_MODEL=tiny.en .venv/bin/parley up {PORTS}")
    finally:
        user.leave()
