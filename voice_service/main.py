"""The voice service's process."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from mesh import logs
from mesh.errors import UpstreamDown
from mesh.rpc.server import GrpcServer, run
from mesh.settings import load
from mesh.tasks import beside
from moshi_client.urls import parse_urls
from parley.voices.v1.voices_pb2 import DESCRIPTOR
from parley.voices.v1.voices_pb2_grpc import add_VoiceServiceServicer_to_server
from voice_service.catalogue import Catalogue, read_catalogue
from voice_service.cloning import Cloning
from voice_service.donations.consent import read_consent
from voice_service.donations.folder import DonationFolder
from voice_service.donations.taking import Donations
from voice_service.engine import CloningEngine
from voice_service.engines.espeak import EspeakCloning
from voice_service.engines.moshi import MoshiCloning
from voice_service.metrics import Metrics
from voice_service.nodes import CatalogueError
from voice_service.service import VoicesServicer
from voice_service.settings import VoicesSettings
from voice_service.store import VoiceStore
from voice_service.stores.redis import redis_store
from voice_service.stores.sqlite import sqlite_store
from voice_service.upkeep import purge, watch
from voice_service.uploads import Uploads

log = structlog.get_logger()


async def serve(settings: VoicesSettings, catalogue: Catalogue, folder: DonationFolder | None) -> None:
    """Answer until the process is asked to stop. Raises `UpstreamDown` if the store's file cannot be used."""
    async with cloning_engine(settings) as engine, voice_store(settings) as store:
        donations = Donations(folder, store.verifications, read_consent(), Metrics())
        servicer = VoicesServicer(catalogue, Cloning(engine, store), donations, Uploads(settings.uploads))
        async with (
            GrpcServer(
                settings,
                services=[DESCRIPTOR.services_by_name["VoiceService"]],
                add=lambda server: add_VoiceServiceServicer_to_server(servicer, server),
            ) as server,
            beside(watch(server.health, engine), purge(store)),
        ):
            await server.until_drained()


@asynccontextmanager
async def cloning_engine(settings: VoicesSettings) -> AsyncIterator[CloningEngine]:
    """The engine the settings name: moshi-server if they say where one is, otherwise the embedded one."""
    if not settings.cloning_urls:
        yield EspeakCloning()
        return
    async with MoshiCloning(parse_urls(settings.cloning_urls)) as engine:
        yield engine


@asynccontextmanager
async def voice_store(settings: VoicesSettings) -> AsyncIterator[VoiceStore]:
    """The store the settings name: Redis if they say where it is, otherwise an SQLite file."""
    if settings.redis_url is None:
        async with sqlite_store(settings.store_path, settings.retention) as file:
            yield file
        return
    async with redis_store(settings.redis_url, settings.retention) as redis:
        yield redis


def donation_folder(settings: VoicesSettings) -> DonationFolder | None:
    """The folder the settings name; None: they name none. Blocks. Raises `UpstreamDown` if it cannot be used."""
    if settings.donation_path is None:
        return None
    try:
        return DonationFolder(settings.donation_path)
    except OSError as error:
        raise UpstreamDown("the folder for donated voices cannot be used") from error


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
    for note in catalogue.notes:
        log.warning("the catalogue may not say what is meant", note=note)
    try:
        run(serve(settings, catalogue, donation_folder(settings)))
    except UpstreamDown as error:
        log.error(  # noqa: TRY400 - as above
            error.message, store=str(settings.store_path), donations=settings.donation_dir, cause=error.cause()
        )
        raise SystemExit(1) from None
