"""Whether the environment's settings fit."""

from collections.abc import Iterator

from launcher.checks.finding import Finding, advice, fine, wrong
from launcher.checks.situation import Situation
from launcher.configuration.inventory import Entry, inventory
from launcher.configuration.strays import strays
from mesh.discovery.addresses import BadTarget, parse_target


async def settings(situation: Situation) -> list[Finding]:
    """Read all of them as the processes would, and look for variables that none of them reads."""
    entries = inventory(situation.environ)
    findings = [finding for entry in entries for finding in _faults(entry)]
    for stray in strays(situation.environ):
        remedy = f"rename it to {stray.meant}, or unset it" if stray.meant else "see parley config, or unset it"
        findings.append(advice(stray.name, str(stray), remedy))
    changed = sum(entry.changed for entry in entries)
    return findings or [fine("all", f"{len(entries)} settings, {changed} of them changed (parley config --changed)")]


def _faults(entry: Entry) -> Iterator[Finding]:
    if entry.reading.fault:
        remedy = f"unset {entry.variable}, or set it to {entry.setting.expected}"
        yield wrong(entry.variable, entry.reading.fault, remedy)
    elif entry.setting.name.endswith("_target"):
        try:
            parse_target(entry.reading.value)
        except BadTarget as error:
            yield wrong(entry.variable, str(error), f"unset {entry.variable}, or give it an address as host:port")
