"""Python and packages, by what an installation says of itself: a folder as pip leaves it, before the real one."""

import platform
from collections.abc import Callable
from pathlib import Path

import pytest

from launcher.checks.installation import packages, python
from mesh.engines.findings import State
from tests.importable import importable
from tests.launcher.checks.conftest import Look


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    folder = tmp_path / "parley-99.dist-info"
    folder.mkdir()
    importable(monkeypatch, tmp_path)
    return (folder / "METADATA").write_text


async def test_this_python_is_fine(context: Look) -> None:
    [finding] = await python(await context())
    assert (finding.state, finding.found) == (State.FINE, f"Python {platform.python_version()}")


async def test_a_python_too_old(context: Look, install: Callable[[str], object]) -> None:
    install("Metadata-Version: 2.4\nName: parley\nVersion: 99\nRequires-Python: >=3.99\n")
    [finding] = await python(await context())
    assert finding.state is State.WRONG
    assert finding.found == f"this is Python {platform.python_version()}; Parley 99 needs >=3.99"
    assert "make a virtual environment" in str(finding.remedy)


async def test_packages_that_are_missing_or_too_old(context: Look, install: Callable[[str], object]) -> None:
    install(
        "Metadata-Version: 2.4\nName: parley\nVersion: 99\nRequires-Python: >=3.11\n"
        "Requires-Dist: no-such-package-of-ours>=1\nRequires-Dist: numpy>=99\nRequires-Dist: click\n"
        'Requires-Dist: another-we-lack; extra == "embedded"\n'
    )
    wrong = [finding for finding in await packages(await context(PYTHONPATH="")) if finding.state is State.WRONG]
    assert [(finding.about, finding.remedy) for finding in wrong] == [
        ("no-such-package-of-ours", "pip install 'no-such-package-of-ours>=1'"),
        ("numpy", "pip install 'numpy>=99'"),
    ]
