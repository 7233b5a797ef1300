"""The replicas of one service: where they are, a channel to each, and whether they are healthy."""

import asyncio
import random
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import grpc

from mesh.addresses import BadTarget, parse_target, resolve
from mesh.channels import open_channel
from mesh.health import is_serving

RESOLVED_FOR_S = 5.0
"""How long an answer of the name service is used."""
RESOLVE_LIMIT_S = 0.5
"""How long the name service may take."""
HEALTHY_FOR_S = 2.0
"""How long the answer to a health check is used."""
HEALTH_LIMIT_S = 0.2
"""How long a health check may take; a replica that is slower is tried after those that answered."""
FORGOTTEN_AFTER_S = 60.0
"""How long a channel is kept to a replica that is no longer listed and has no stream."""


@dataclass(eq=False)
class Replica:
    """One replica and the channel that all calls to it share."""

    address: str
    listed_at: float
    channel: grpc.aio.Channel = field(init=False)
    streams: int = 0
    healthy: bool | None = None
    """What was heard of it last; None: nothing yet."""
    checked_at: float = float("-inf")

    def __post_init__(self) -> None:
        self.channel = open_channel(self.address)

    async def check(self) -> None:
        """Ask for its health, unless somebody has just done so."""
        now = asyncio.get_running_loop().time()
        if now - self.checked_at < HEALTHY_FOR_S:
            return
        self.checked_at = now
        self.healthy = await is_serving(self.channel, within=HEALTH_LIMIT_S)

    def note(self, *, healthy: bool) -> None:
        """Remember how a call has just gone."""
        self.healthy = healthy
        self.checked_at = asyncio.get_running_loop().time()


class Replicas:
    """All replicas of a service, found by its target. One for each service a process calls, for as long as it runs.

    `service` is what errors and people call it; `target` is "host:port", "dns:///host:port" or a comma-separated list.
    Raises `BadTarget`.
    """

    def __init__(self, service: str, target: str) -> None:
        self.service = service
        try:
            self._targets = parse_target(target)
        except BadTarget as error:
            raise BadTarget(f"{service}: {error}") from None
        self._addresses: list[str] = []
        self._resolved_at = float("-inf")
        self._known: dict[str, Replica] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all channels, which ends all calls."""
        known, self._known = self._known, {}
        for replica in known.values():
            await replica.channel.close()

    async def candidates(self) -> list[Replica]:
        """The replicas in the order in which to try them: the healthy first, otherwise at random.

        A single one is not asked for its health: trying it tells as much and takes no longer.
        """
        listed = await self._listed()
        if len(listed) > 1:
            await asyncio.gather(*(replica.check() for replica in listed))
        random.shuffle(listed)
        return sorted(listed, key=lambda replica: {True: 0, None: 1, False: 2}[replica.healthy])

    async def _listed(self) -> list[Replica]:
        now = asyncio.get_running_loop().time()
        if now - self._resolved_at >= RESOLVED_FOR_S:
            await self._resolve(now)
        listed = [self._at(address, now) for address in self._addresses]
        await self._forget(now)
        return listed

    async def _resolve(self, now: float) -> None:
        try:
            async with asyncio.timeout(RESOLVE_LIMIT_S):
                self._addresses = await resolve(self._targets)
        except OSError:
            # A name service that is slow or down has not taken the replicas with it: go on with what is known.
            if not self._addresses:
                return
        self._resolved_at = now

    def _at(self, address: str, now: float) -> Replica:
        if address not in self._known:
            self._known[address] = Replica(address, now)
        replica = self._known[address]
        replica.listed_at = now
        return replica

    async def _forget(self, now: float) -> None:
        for replica in list(self._known.values()):
            if now - replica.listed_at > FORGOTTEN_AFTER_S and not replica.streams:
                del self._known[replica.address]
                await replica.channel.close()
