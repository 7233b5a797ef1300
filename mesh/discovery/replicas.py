"""The replicas of one service, followed all the time.

The service's name is looked up again and again, and the health of every replica behind it is watched, so that a search
for one that admits has only to look, and spends no try on one that is dead or draining.
"""

import asyncio
from collections.abc import Container
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Self

import structlog

from mesh.discovery.addresses import BadTarget, HostPort, Lookup, lookup, parse_target, resolve
from mesh.discovery.replica import Replica
from mesh.rpc.health import watch
from mesh.tasks import beside

RESOLVED_FOR_S = 5.0
"""How long an answer of the name service is used."""
UNRESOLVED_FOR_S = 0.5
"""How long it is left alone while it has not named anybody."""
HEALTH_LIMIT_S = 0.2
"""How long a replica may take to tell its health for the first time before it is tried without."""
FORGOTTEN_AFTER_S = 60.0
"""How long a replica is kept that is no longer listed and has no call."""

log = structlog.get_logger()


class SearchMeter:
    """Is told how the searches for a replica go; this one does nothing with it."""

    def found(self, seconds: float) -> None:
        """A replica has admitted, so long after the search began."""

    def refused(self, seconds: float) -> None:
        """A replica was full, and took so long to say so."""

    def failed(self) -> None:
        """A replica could not be reached, or did not answer in time."""

    def missed(self) -> None:
        """None was found."""


class Replicas:
    """All replicas of a service, found by its target. One for each service a process calls, for as long as it runs.

    `service` is what errors and people call it; `target` is "host:port", "dns:///host:port" or a comma-separated list;
    `lookup` finds the addresses of a name. Raises `BadTarget`. It follows the replicas inside `async with`; leaving
    closes their channels, which ends all calls.
    """

    def __init__(self, service: str, target: str, *, meter: SearchMeter | None = None, lookup: Lookup = lookup) -> None:
        self.service = service
        self.meter = meter or SearchMeter()
        try:
            self._targets = parse_target(target)
        except BadTarget as error:
            raise BadTarget(f"{service}: {error}") from None
        self._lookup = lookup
        self._found: dict[HostPort, list[str]] = {}
        self._listed: list[Replica] = []
        self._known: dict[str, Replica] = {}
        """Those that are listed, and those that were until a while ago, by address."""
        self._news = asyncio.Event()
        """Set, and replaced, when something that `choose` looks at has changed."""
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            exits.push_async_callback(self._close)
            self._tasks = await exits.enter_async_context(beside())
            for target in self._targets:
                self._tasks.create_task(self._follow(target))
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.__aexit__(kind, error, trace)

    @property
    def reachable(self) -> list[Replica]:
        """Those that are listed, and not known to be dead or draining."""
        return [replica for replica in self._listed if replica.serving is not False]

    async def choose(self, *, but: Container[Replica] = (), patience_s: float) -> Replica | None:
        """The replica to try next, `but` for these; None: there is none.

        Waits `patience_s` seconds for one to turn up, and a moment for one whose health is not known yet.
        """
        began = _now()
        while True:
            best = min((each for each in self.reachable if each not in but), key=Replica.preference, default=None)
            limit = began + (HEALTH_LIMIT_S if best else patience_s)
            hopeless = self._listed and all(each in but for each in self._listed)
            if (best and best.serving) or hopeless or _now() >= limit:
                return best
            with suppress(TimeoutError):
                async with asyncio.timeout_at(limit):
                    await self._news.wait()

    async def _follow(self, target: HostPort) -> None:
        """Keep up with the addresses behind one part of the target."""
        while True:
            try:
                self._list(target, await resolve(target, self._lookup))
            except OSError as error:
                # A name service that is slow or down has not taken the replicas with it: go on with what is known.
                log.debug("name not resolved", wanted=self.service, name=target.host, cause=str(error))
            await self._forget()
            if target.is_literal:
                return
            await asyncio.sleep(RESOLVED_FOR_S if self._found.get(target) else UNRESOLVED_FOR_S)

    def _list(self, target: HostPort, addresses: list[str]) -> None:
        self._found[target] = addresses
        everywhere = dict.fromkeys(address for each in self._targets for address in self._found.get(each, ()))
        self._listed = [self._at(address) for address in everywhere]
        self._tell()

    def _at(self, address: str) -> Replica:
        """The replica there; one that is new is watched from now on."""
        replica = self._known.get(address)
        if replica is None:
            replica = self._known[address] = Replica(address)
            replica.watching = self._tasks.create_task(self._watch(replica))
        replica.listed_at = _now()
        return replica

    async def _watch(self, replica: Replica) -> None:
        def told(serving: bool) -> None:
            if serving is not replica.serving:
                log.debug("replica serves" if serving else "replica does not serve", replica=replica.address)
            replica.told(serving=serving)
            self._tell()

        await watch(replica.channel, told)

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _forget(self) -> None:
        for replica in list(self._known.values()):
            kept = replica in self._listed or replica.calls or _now() - replica.listed_at < FORGOTTEN_AFTER_S
            if not kept:
                del self._known[replica.address]
                await replica.close()

    async def _close(self) -> None:
        for replica in self._known.values():
            await replica.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
