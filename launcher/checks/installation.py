"""Whether this Python and the installed packages can run Parley."""

import platform
from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from launcher.checks.check import Context
from launcher.checks.trial import attempt
from launcher.processes import PROCESSES
from mesh.engines.findings import Finding, fine, wrong


async def python(_: Context) -> list[Finding]:
    """Compare its version with what the installed Parley asks for."""
    version = platform.python_version()
    wanted = metadata.metadata("parley")["Requires-Python"]
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        remedy = "make a virtual environment with a Python that fits, and install Parley there"
        return [
            wrong("version", f"this is Python {version}; Parley {metadata.version('parley')} needs {wanted}", remedy)
        ]
    return [fine("version", f"Python {version}")]


_AGAIN = "install Parley again, with pip install --upgrade --force-reinstall, in a fresh virtual environment"


async def packages(context: Context) -> list[Finding]:
    """Compare versions, then load the code of every process, in a process of its own."""
    required = list(_required())
    findings = [finding for each in required if (finding := _lacking(each))]
    if not findings:
        findings.append(fine("versions", f"all {len(required)} packages are installed, and new enough"))
    modules = [process.main for process in PROCESSES]
    outcome = await attempt(["-c", f"import {', '.join(modules)}"], context.fitting, limit_s=60.0)
    if outcome.failure:
        findings.append(wrong("loading", f"the code of the processes cannot be loaded: {outcome.failure}", _AGAIN))
    else:
        findings.append(fine("loading", "the code of every process can be loaded"))
    return findings


def _required() -> Iterator[Requirement]:
    """What every installation needs; what an engine needs is that engine's check."""
    for text in metadata.requires("parley") or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement


def _lacking(requirement: Requirement) -> Finding | None:
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return wrong(requirement.name, "is not installed", f"pip install '{requirement}'")
    if not requirement.specifier.contains(version, prereleases=True):
        found = f"version {version} is installed; {requirement.specifier} is needed"
        return wrong(requirement.name, found, f"pip install '{requirement}'")
    return None
