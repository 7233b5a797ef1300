"""The voice service's process."""

import os

import structlog

from mesh import logs
from mesh.server import run
from mesh.server import serve as serve_grpc
from mesh.settings import load
from parley.voices.v1.voices_pb2 import DESCRIPTOR
from parley.voices.v1.voices_pb2_grpc import add_VoiceServiceServicer_to_server
from voice_service.catalogue import Catalogue, read_catalogue
from voice_service.nodes import CatalogueError
from voice_service.service import VoicesServicer
from voice_service.settings import VoicesSettings

log = structlog.get_logger()


async def serve(settings: VoicesSettings, catalogue: Catalogue) -> None:
    """Answer until the process is asked to stop."""
    servicer = VoicesServicer(catalogue)
    await serve_grpc(
        settings,
        services=[DESCRIPTOR.services_by_name["VoiceService"]],
        add=lambda server: add_VoiceServiceServicer_to_server(servicer, server),
    )


def main() -> None:
    """Read the settings and the catalogue, serve. A bad catalogue ends the process with 1 and one line in the log."""
    settings = load(VoicesSettings, os.environ)
    logs.configure("voice_service", settings.log_level, settings.log_format)
    try:
        catalogue = read_catalogue(settings.path)
    except CatalogueError as error:
        log.error("the catalogue cannot be used", problem=str(error))  # noqa: TRY400 - the trace would tell nothing more
        raise SystemExit(1) from None
    log.info("catalogue loaded", path=str(settings.path), voices=len(catalogue), offered=len(catalogue.offered))
    run(serve(settings, catalogue))
