"""`parley health`: whether one process of the mesh is well, for container health checks and scripts."""

import asyncio
import os

import click

from launcher.command import Command
from launcher.failure import ExitCode, Failure
from launcher.processes import EDGE, PROCESSES, RESPONDER
from launcher.running.probes import grpc_serving, http_json
from mesh.process.ports import authority
from mesh.settings import SettingError, load

_BY_NAME = {process.name: process for process in PROCESSES}
_HTTP_PATHS = {EDGE.name: "/v1/health", RESPONDER.name: "/v1/models"}
"""What answers for the processes that do not speak gRPC."""

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - this is where not to listen but to ask
"""Addresses one can listen on but not connect to."""


@click.command(
    cls=Command,
    examples=[
        ("parley health edge", "does the edge of this machine serve?"),
        ("parley health orchestrator --timeout 1", "as a container's health check asks"),
    ],
    exit_codes={
        ExitCode.DONE: "it serves",
        ExitCode.FAILED: "it does not, or does not answer in time",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
    },
)
@click.argument("process", type=click.Choice(list(_BY_NAME)))
@click.option(
    "--timeout", "timeout_s", type=click.FloatRange(min=0.1), default=3.0, metavar="SECONDS", show_default=True
)
def health(process: str, timeout_s: float) -> None:
    """Ask the PROCESS of this machine whether it serves; its address is taken from its own settings.

    A gRPC process answers by grpc.health.v1, so one that drains does not serve. The edge and the responder answer over
    HTTP. A process serves even while its dependencies do not: `/v1/health` of the edge reports those.
    """
    try:
        settings = load(_BY_NAME[process].settings_type, os.environ)
    except SettingError as error:
        raise Failure(str(error)) from None
    host = _EVERYWHERE.get(settings.host, settings.host)
    if not asyncio.run(_serves(process, host, settings.port, timeout_s)):
        raise Failure(f"{process} does not serve at {authority(host, settings.port)}")
    click.echo(f"{process} serves")


async def _serves(process: str, host: str, port: int, timeout_s: float) -> bool:
    if path := _HTTP_PATHS.get(process):
        return await http_json(host, port, path, timeout_s=timeout_s) is not None
    return await grpc_serving(authority(host, port), timeout_s=timeout_s)
