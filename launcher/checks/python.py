"""Whether this Python can run Parley."""

import platform
from importlib import metadata

from packaging.specifiers import SpecifierSet

from launcher.checks.finding import Finding, fine, wrong
from launcher.checks.situation import Situation


async def python(_: Situation) -> list[Finding]:
    """Compare its version with what the installed Parley asks for."""
    version = platform.python_version()
    wanted = metadata.metadata("parley")["Requires-Python"]
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        remedy = "make a virtual environment with a Python that fits, and install Parley there"
        return [
            wrong("version", f"this is Python {version}; Parley {metadata.version('parley')} needs {wanted}", remedy)
        ]
    return [fine("version", f"Python {version}")]
