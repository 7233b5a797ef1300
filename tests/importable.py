"""Folders that Python imports from during a test."""

import importlib
import sys
from pathlib import Path

import pytest


def importable(monkeypatch: pytest.MonkeyPatch, folder: Path | str) -> None:
    """Have Python look into a folder first, until the test is over.

    `monkeypatch.syspath_prepend` would ask `pkg_resources`, in whose place a dependency of hibari puts a part of it.
    """
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    importlib.invalidate_caches()
