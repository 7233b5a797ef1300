"""The voice service's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from mesh.discovery.search import Replicas
from mesh.engines.plugins import Choice
from mesh.errors import UpstreamDown
from mesh.process.run import CannotStart, run_process
from mesh.rpc.server import GrpcServer
from mesh.tasks import beside
from mesh.upload_slots import UploadSlots
from parley.voices.v1.voices_pb2 import DESCRIPTOR
from parley.voices.v1.voices_pb2_grpc import add_VoiceServiceServicer_to_server
from voice_service.analysis.containers import EXTRA, has_ffmpeg
from voice_service.catalogue import Catalogue, read_catalogue
from voice_service.cloning import Cloning
from voice_service.donations.consent import read_consent
from voice_service.donations.folder import DonationFolder
from voice_service.donations.taking import Donations
from voice_service.engine import ENGINES, CloningEngine
from voice_service.metrics import Metrics
from voice_service.nodes import CatalogueError
from voice_service.service import VoicesServicer
from voice_service.settings import VoicesSettings
from voice_service.store import VoiceStore
from voice_service.stores.redis import redis_store
from voice_service.stores.sqlite import sqlite_store
from voice_service.synthesis import Synthesis
from voice_service.upkeep import purge, watch

log = structlog.get_logger()


async def serve(settings: VoicesSettings, choice: Choice[CloningEngine]) -> None:
    """Answer until the process is asked to stop. Raises `CannotStart` if a file or a folder cannot be used."""
    catalogue = await asyncio.to_thread(_catalogue, settings.path)
    folder = await asyncio.to_thread(donation_folder, settings)
    if folder is not None and not has_ffmpeg():
        log.warning("donations that phones and browsers record may be refused", remedy=f"pip install 'parley[{EXTRA}]'")
    async with (
        choice.open() as engine,
        voice_store(settings) as store,
        Replicas("speech synthesis", settings.tts_target) as speech,
    ):
        donations = Donations(folder, store.verifications, read_consent(), Metrics())
        servicer = VoicesServicer(
            catalogue, Synthesis(speech), Cloning(engine, store), donations, UploadSlots(settings.uploads)
        )
        async with (
            GrpcServer(
                settings,
                services=[DESCRIPTOR.services_by_name["VoiceService"]],
                add=lambda server: add_VoiceServiceServicer_to_server(servicer, server),
            ) as server,
            beside(watch(server.health, engine), purge(store)),
        ):
            await server.until_drained()


def _catalogue(path: Path) -> Catalogue:
    try:
        catalogue = read_catalogue(path)
    except CatalogueError as error:
        raise CannotStart("the catalogue cannot be used", problem=str(error)) from None
    log.info("catalogue loaded", path=str(path), voices=len(catalogue), offered=len(catalogue.offered))
    for note in catalogue.notes:
        log.warning("the catalogue may not say what is meant", note=note)
    return catalogue


@asynccontextmanager
async def voice_store(settings: VoicesSettings) -> AsyncIterator[VoiceStore]:
    """The store the settings name: Redis if they say where it is, otherwise an SQLite file. Raises `CannotStart`."""
    if settings.redis_url is not None:
        async with redis_store(settings.redis_url, settings.retention) as redis:
            yield redis
        return
    async with AsyncExitStack() as stack:
        try:
            file = await stack.enter_async_context(sqlite_store(settings.store_path, settings.retention))
        except UpstreamDown as error:
            raise CannotStart(error.message, store=str(settings.store_path), cause=error.cause()) from error
        yield file


def donation_folder(settings: VoicesSettings) -> DonationFolder | None:
    """The folder the settings name; None: they name none. Blocks. Raises `CannotStart` if it cannot be used."""
    if settings.donation_path is None:
        return None
    try:
        return DonationFolder(settings.donation_path, settings.donation_limit_mib << 20)
    except OSError as error:
        raise CannotStart(
            "the folder for donated voices cannot be used",
            donations=settings.donation_dir,
            cause=f"{type(error).__name__}: {error}",
        ) from error


def main() -> None:
    """Read the settings, choose the cloning engine, serve."""
    run_process("voice_service", VoicesSettings, serve, engines=ENGINES)
