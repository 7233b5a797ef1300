"""Whether the voice service could read its catalogue."""

import asyncio

from launcher.checks.finding import Finding, fine, wrong
from launcher.checks.situation import Situation
from mesh.settings import load
from voice_service.catalogue import read_catalogue
from voice_service.nodes import CatalogueError
from voice_service.settings import VoicesSettings


async def voices(situation: Situation) -> list[Finding]:
    """Read it as the voice service does."""
    path = load(VoicesSettings, situation.fitting).path
    try:
        catalogue = await asyncio.to_thread(read_catalogue, path)
    except CatalogueError as error:
        where = f"line {error.line}" if error.line else "file"
        return [wrong(where, str(error), "correct the file, or unset PARLEY_VOICES_FILE to have Parley's own voices")]
    return [fine("catalogue", f"{len(catalogue)} voices, {len(catalogue.offered)} of them offered, in {path}")]
