"""The replicas of one service, followed all the time.

The service's name is looked up again and again, and the health of every replica behind it is watched, so that a search
for one that admits has only to look, and spends no try on one that is dead or draining.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self, TypeVar

import grpc
import structlog

from mesh.discovery.addresses import BadTarget, Lookup, Resolver, lookup, parse_target
from mesh.discovery.finder import Finder, SearchMeter
from mesh.errors import MeshError, MissingServiceAtCapacity, MissingServiceTimeout
from mesh.pool import FailedTry, Limits, Member, NoneFound, Outcome, Policy, Pool
from mesh.rpc.channels import open_channel
from mesh.rpc.health import answers, watch
from mesh.tasks import beside
from mesh.times import loop_time

POLICY = Policy(first_rest_s=1.0, longest_rest_s=8.0, tries_resting=True, tries_down=False)
"""A replica whose calls fail is tried after the others; one whose health watch says so is not tried."""

FORGOTTEN_EVERY_S = 5.0

_REQUEST_AT_FAULT = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
}
"""What every replica would answer alike. Anything else says something of the replica."""

_UNREACHABLE = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}

Found = TypeVar("Found")

log = structlog.get_logger()


@dataclass(eq=False)
class Replica(Member[str]):
    """A replica by its address, and the channel that all calls to it share."""

    channel: grpc.aio.Channel = field(init=False)
    watching: asyncio.Task[None] | None = None
    """Its health watch."""

    def __post_init__(self) -> None:
        self.channel = open_channel(self.place)

    @property
    def address(self) -> str:
        """Where it is, as "host:port"."""
        return self.place

    async def close(self) -> None:
        """End the watch and all calls."""
        if self.watching:
            self.watching.cancel()
        await self.channel.close()


class Replicas:
    """All replicas of a service, found by its target. One for each service a process calls, for as long as it runs.

    `service` is what errors and people call it; `target` is "host:port", "dns:///host:port" or a comma-separated list;
    `lookup` finds the addresses of a name. Raises `BadTarget`. It follows the replicas inside `async with`; leaving
    closes their channels, which ends all calls.
    """

    def __init__(self, service: str, target: str, *, meter: SearchMeter | None = None, lookup: Lookup = lookup) -> None:
        self.service = service
        try:
            targets = parse_target(target)
        except BadTarget as error:
            raise BadTarget(f"{service}: {error}") from None
        self.pool = Pool(Replica, POLICY)
        self.finder = Finder(
            self.pool,
            meter=meter or SearchMeter(),
            outcome_of=outcome_of,
            error_for=self._error_for,
            report=self._report,
        )
        self._names = Resolver(targets, self._list, lookup)
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            exits.push_async_callback(self._close)
            self._tasks = await exits.enter_async_context(beside(self._names.follow(), self._forget()))
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.__aexit__(kind, error, trace)

    @property
    def reachable(self) -> list[Replica]:
        """Those that are listed, and not known to be dead or draining."""
        return [replica for replica in self.pool.listed if replica.serving is not False]

    @property
    def has_another(self) -> bool:
        """Whether more than one of them serves, so that a call may be lost and made again."""
        return sum(replica.serving is True for replica in self.pool.listed) > 1

    async def first(self, patience_s: float) -> Replica | None:
        """The one that a search would try first, waited for so many seconds; None: there is none."""
        return await self.finder.choose(self.finder.begin(Limits(search=patience_s, wait_for_serving=patience_s)))

    async def find(
        self, attempt: Callable[[Replica], Awaitable[Found]], limits: Limits, avoided: Collection[str] = ()
    ) -> Found:
        """What the first successful attempt returns; see `Finder.find`. Those at `avoided` addresses are not tried."""
        return await self.finder.find(attempt, limits, [self.pool.known[each] for each in avoided])

    def note_loss(self, address: str, error: MeshError) -> None:
        """Note that a call which the replica had taken was lost: for a while others are tried before it."""
        if replica := self.pool.known.get(address):
            replica.failed(loop_time(), FailedTry(Outcome.FAILED, error), self.pool.chance())

    async def answers(self, address: str, *, within: float) -> bool:
        """Whether the process at this address says anything in time. True for one that is not known."""
        replica = self.pool.known.get(address)
        return replica is None or await answers(replica.channel, within=within)

    def _list(self) -> None:
        now = asyncio.get_running_loop().time()
        for replica in self.pool.set_places(self._names.all_addresses, now):
            replica.watching = self._tasks.create_task(self._watch(replica))
        self.finder.notify()

    async def _watch(self, replica: Replica) -> None:
        def on_health(serving: bool) -> None:
            if serving is not replica.serving:
                log.debug("replica serves" if serving else "replica does not serve", replica=replica.address)
            replica.set_serving(serving)
            self.finder.notify()

        await watch(replica.channel, on_health)

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(FORGOTTEN_EVERY_S)
            for replica in self.pool.forget(asyncio.get_running_loop().time()):
                await replica.close()

    async def _close(self) -> None:
        for replica in self.pool.known.values():
            await replica.close()

    def _error_for(self, none: NoneFound) -> MeshError:
        return missing(self.service, none)

    def _report(self, replica: Replica, trouble: MeshError) -> None:
        why = trouble.cause() or trouble.message
        log.debug("replica did not take a call", wanted=self.service, replica=replica.address, why=why)


def outcome_of(error: MeshError) -> Outcome | None:
    """Whether an error says that the replica failed; None: the request is at fault."""
    return None if error.code in _REQUEST_AT_FAULT else Outcome.FAILED


def missing(service: str, none: NoneFound) -> MeshError:
    """The error for a search that found no replica of `service`.

    It names the service that is missing further on, where the last replica that names one does.
    """
    errors = [each.error for each in none.tries if isinstance(each.error, MeshError)]
    named = next((error.service for error in reversed(errors) if error.service), service)
    if none.is_full:
        return MissingServiceAtCapacity.of(named, retry_after=none.retry_after)
    bugs = [error for error in errors if error.code not in _UNREACHABLE]
    return bugs[-1] if bugs else MissingServiceTimeout.of(named)
