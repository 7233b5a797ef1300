"""Modules that are not installed, for this process and those it starts."""

import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

import pytest


def without(monkeypatch: pytest.MonkeyPatch, folder: Path, *modules: str) -> None:
    """Let these modules be missing: in this process, and in each Python that it starts. `folder` is an empty one."""
    (folder / "sitecustomize.py").write_text(_HIDING.format(names=modules))
    paths = [str(folder), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
    for name in list(sys.modules):
        if name.partition(".")[0] in modules:
            monkeypatch.delitem(sys.modules, name)
    hidden = [_Hiding(modules) if finder is PathFinder else finder for finder in sys.meta_path]
    monkeypatch.setattr(sys, "meta_path", hidden)


class _Hiding:
    """Finds what Python's own finder finds, except for some modules."""

    def __init__(self, modules: Sequence[str]) -> None:
        self._modules = modules

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """None for what is hidden."""
        return None if name.partition(".")[0] in self._modules else PathFinder.find_spec(name, path, target)

    find_distributions = staticmethod(PathFinder.find_distributions)
    """What is installed is found through the finders, too."""


_HIDING = """
import sys
from importlib.machinery import PathFinder
class Hiding:
    def find_spec(self, name, path=None, target=None):
        return None if name.partition(".")[0] in {names} else PathFinder.find_spec(name, path, target)
    # What is installed is found through these, too.
    find_distributions = staticmethod(PathFinder.find_distributions)
sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding()
"""
