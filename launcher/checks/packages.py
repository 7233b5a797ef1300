"""Whether everything Parley depends on is installed, new enough, and can be loaded."""

from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from launcher.checks.finding import Finding, fine, wrong
from launcher.checks.situation import Situation
from launcher.checks.trial import attempt
from launcher.processes import PROCESSES

_AGAIN = "install Parley again, with pip install --upgrade --force-reinstall, in a fresh virtual environment"


async def packages(situation: Situation) -> list[Finding]:
    """Compare versions, then load the code of every process, in a process of its own."""
    required = list(_required())
    findings = [finding for each in required if (finding := _lacking(each))]
    if not findings:
        findings.append(fine("versions", f"all {len(required)} packages are installed, and new enough"))
    modules = [process.main for process in PROCESSES]
    outcome = await attempt(["-c", f"import {', '.join(modules)}"], situation.fitting, limit_s=60.0)
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
