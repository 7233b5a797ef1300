"""All Wyoming servers behind a proxy, and connections with the one that is free.

Each is asked with `describe` what it can do. They report no slots, and none is ever full: it lets its callers wait.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal

import msgspec
from msgspec import Struct

from mesh.engines import upstreams
from mesh.engines.upstreams import Health, LeaseMeter, Place, Upstreams
from mesh.errors import MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import Options
from wyoming_client.connection import Connection, connected
from wyoming_client.settings import WyomingUrl

_DESCRIBE_LIMIT_S = 2.0
_MOST_EVENTS = 10
"""Events that a server may send before it describes itself."""

Service = Literal["asr", "tts"]


class _Artifact(Struct, frozen=True):
    name: str
    installed: bool = True


class _Program(Struct, frozen=True):
    name: str = ""
    installed: bool = True
    models: list[_Artifact] = []
    voices: list[_Artifact] = []


class Description(Struct, frozen=True):
    """What a server says of itself."""

    asr: list[_Program] = []
    tts: list[_Program] = []

    @property
    def voices(self) -> frozenset[str]:
        """The names of its voices."""
        return frozenset(voice.name for program in self.tts for voice in program.voices)


async def describe(connection: Connection) -> Description:
    """Ask a server what it can do. Raises `UpstreamDown`."""
    await connection.send("describe")
    for _ in range(_MOST_EVENTS):
        event = await connection.receive(_DESCRIBE_LIMIT_S)
        if event.type == "info":
            return _description(event.data)
    raise UpstreamDown("the Wyoming server does not describe itself")


def _description(data: dict[str, Any]) -> Description:
    try:
        return msgspec.convert(data, Description)
    except msgspec.ValidationError:
        raise UpstreamDown("the Wyoming server describes itself in a way that cannot be read") from None


@asynccontextmanager
async def opened(
    urls: Iterable[WyomingUrl], service: Service, *, options: Options, meter: LeaseMeter, probed_every_s: float
) -> AsyncIterator["WyomingServers"]:
    """The servers at these URLs, followed and probed meanwhile. They need not be up yet."""
    described: dict[str, Description | MeshError] = {}

    async def probe(place: Place[WyomingUrl]) -> Health:
        try:
            async with asyncio.timeout(_DESCRIBE_LIMIT_S), connected(place.host_port) as connection:
                found = await describe(connection)
            if not getattr(found, service):
                raise UpstreamMisconfigured(f"the Wyoming server at {place.address} offers no {service}")
        except TimeoutError:
            described[place.address] = UpstreamDown("the Wyoming server did not answer in time")
            return Health(serving=False)
        except MeshError as error:
            described[place.address] = error
            return Health(serving=False)
        described[place.address] = found
        return Health(serving=True)

    async with upstreams.opened(
        list(urls), probe, options, meter, name="Wyoming server", probed_every_s=probed_every_s
    ) as servers:
        yield WyomingServers(servers, described)


class WyomingServers:
    """The servers, wherever they are; see `opened`."""

    def __init__(self, servers: Upstreams[WyomingUrl], described: dict[str, Description | MeshError]) -> None:
        self._servers = servers
        self._described = described

    @property
    def answering(self) -> bool:
        """Whether any of them described itself when it was asked last."""
        return self._servers.answering

    @property
    def voices(self) -> frozenset[str]:
        """The voices of all of them."""
        known = (each.voices for each in self._described.values() if isinstance(each, Description))
        return frozenset().union(*known)

    def check(self) -> None:
        """Raise the error of a connection that would find no server, as far as is known."""
        if not self.answering:
            errors = [each for each in self._described.values() if isinstance(each, MeshError)]
            misconfigured = [each for each in errors if isinstance(each, UpstreamMisconfigured)]
            for error in misconfigured or errors:
                raise error
        if refusal := self._servers.refusal():
            raise refusal

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection with one of them. Raises `UpstreamDown` and `AtCapacity`."""
        async with self._servers.lease(lambda place: connected(place.host_port)) as connection:
            yield connection
