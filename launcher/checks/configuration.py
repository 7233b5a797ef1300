"""Whether the settings and the catalogue of voices can be used."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

from launcher.checks.check import Context
from launcher.configuration.inventory import Entry, inventory, unknown_variables
from mesh.discovery.addresses import BadTarget, parse_target
from mesh.engines.findings import Finding, advice, fine, wrong
from mesh.settings import load
from voice_service.catalogue import read_catalogue
from voice_service.nodes import CatalogueError
from voice_service.settings import VoicesSettings


async def settings(context: Context) -> list[Finding]:
    """Read all of them as the processes would, and look for variables that none of them reads."""
    entries = inventory(context.environ)
    findings = [finding for entry in entries for finding in _faults(entry)]
    for variable in unknown_variables(context.environ):
        remedy = f"rename it to {variable.meant}, or unset it" if variable.meant else "see parley config, or unset it"
        findings.append(advice(variable.name, str(variable), remedy))
    changed = sum(entry.changed for entry in entries)
    return findings or [fine("all", f"{len(entries)} settings, {changed} of them changed (parley config --changed)")]


def _faults(entry: Entry) -> Iterator[Finding]:
    if entry.reading.renamed:
        yield advice(entry.reading.source or entry.variable, entry.reading.renamed, f"rename it to {entry.variable}")
    if entry.reading.fault:
        remedy = f"unset {entry.variable}, or set it to {entry.setting.expected}"
        yield wrong(entry.variable, entry.reading.fault, remedy)
    elif entry.setting.name.endswith("_target"):
        try:
            parse_target(entry.reading.value)
        except BadTarget as error:
            yield wrong(entry.variable, str(error), f"unset {entry.variable}, or give it an address as host:port")


async def voices(context: Context) -> list[Finding]:
    """Look at both as the voice service does."""
    settings = load(VoicesSettings, context.fitting)
    return [
        *await asyncio.to_thread(_catalogue, settings.path),
        await asyncio.to_thread(_donations, settings.donation_path),
    ]


def _catalogue(path: Path) -> list[Finding]:
    try:
        catalogue = read_catalogue(path)
    except CatalogueError as error:
        where = f"line {error.line}" if error.line else "file"
        return [wrong(where, str(error), "correct the file, or unset PARLEY_VOICES_FILE to have Parley's own voices")]
    notes = [advice("catalogue", note, "nothing, if that is meant") for note in catalogue.notes]
    return [fine("catalogue", f"{len(catalogue)} voices, {len(catalogue.offered)} of them offered, in {path}"), *notes]


def _donations(path: Path | None) -> Finding:
    """Only looks, and makes no folder."""
    if path is None:
        return fine("donations", "not accepted: PARLEY_VOICES_DONATION_FOLDER is not set")
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return wrong("donations", f"{there} is not a writable folder", "set PARLEY_VOICES_DONATION_FOLDER")
    return fine("donations", f"accepted, stored in {path}")
