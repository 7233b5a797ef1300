"""Stops an installation under a Python that is too old, before pip looks for dependencies that do not exist for it."""

import sys
from typing import Any

if sys.version_info < (3, 11):  # noqa: UP036 - this is what says so
    sys.exit(f"Parley needs Python 3.11 to 3.14; this is Python {sys.version.split()[0]}.")

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PythonVersionHook(BuildHookInterface[Any]):
    """Does nothing more: importing this file is the check."""
