"""Whether the voice service could read its catalogue, and keep donated voices."""

import asyncio
import os
from pathlib import Path

from launcher.checks.finding import Finding, advice, fine, wrong
from launcher.checks.situation import Situation
from mesh.settings import load
from voice_service.catalogue import read_catalogue
from voice_service.nodes import CatalogueError
from voice_service.settings import VoicesSettings


async def voices(situation: Situation) -> list[Finding]:
    """Look at both as the voice service does."""
    settings = load(VoicesSettings, situation.fitting)
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
    """Only looks: whoever asks how things are does not want a folder made."""
    if path is None:
        return fine("donations", "not taken: PARLEY_VOICES_DONATION_DIR names no folder")
    there = next(folder for folder in (path.absolute(), *path.absolute().parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return wrong("donations", f"{there} is no folder that can be written to", "set PARLEY_VOICES_DONATION_DIR")
    return fine("donations", f"taken, and kept in {path}")
