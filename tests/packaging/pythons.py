"""The Pythons of this machine that Parley is for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

SUPPORTED = ((3, 11), (3, 12), (3, 13))


@cache
def pythons() -> dict[str, Path]:
    """The first interpreter found of each version, by "3.11" and so on; the one that runs this is one of them."""
    found = {_name(sys.version_info[:2]): Path(sys.base_prefix) / "bin" / f"python{_name(sys.version_info[:2])}"}
    for version in SUPPORTED:
        for candidate in _candidates(_name(version)):
            if _name(version) not in found and _makes_environments(candidate):
                found[_name(version)] = candidate
    return dict(sorted(found.items()))


def _name(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _candidates(name: str) -> Iterator[Path]:
    if on_path := shutil.which(f"python{name}"):
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{name}.*/bin/python{name}"))


def _makes_environments(python: Path) -> bool:
    """Whether it runs (a shim may not) and has what `python -m venv` needs (a distribution's may not)."""
    ran = subprocess.run(  # noqa: S603 - an interpreter
        [python, "-c", "import ensurepip, venv"], capture_output=True, timeout=30, check=False
    )
    return ran.returncode == 0
