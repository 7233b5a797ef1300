"""Servers reached by URL: where they are, how they are, and the leases on their slots.

    async with opened(urls, probe, options) as servers, servers.lease(connect) as connection: ...

A URL may stand for several servers, whose addresses are resolved again and again. Every server is probed once a second,
so that opening a connection asks nobody: it goes to the freest. What a connection and a probe are is the caller's: a
WebSocket, a request of HTTP, a TCP stream.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

import structlog

from mesh.discovery.addresses import HostPort, Resolver, parse_target
from mesh.discovery.finder import Finder, SearchMeter
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import Member, NoneFound, Options, Outcome, Policy, Pool
from mesh.tasks import beside

PROBED_EVERY_S = 1.0
"""How often the servers are probed."""

POLICY = Policy(first_rest_s=0.1, longest_rest_s=30.0, tries_resting=False, tries_down=True)
"""A server that fails is left alone; one whose probe fails is tried after the others, for probes may be old."""

_FIRST_ANSWERS_LIMIT_S = 2.0
"""How long opening waits for the name service."""

_log = structlog.get_logger()


class Url(Protocol):
    """A parsed URL."""

    @property
    def target(self) -> HostPort:
        """What to resolve."""


U = TypeVar("U", bound=Url)
C = TypeVar("C")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Place(Generic[U]):
    """One server: the URL it was listed by, and its own address."""

    url: U
    address: str
    """As "host:port" with a literal host."""

    @property
    def host_port(self) -> HostPort:
        """The address in its parts."""
        return parse_target(self.address)[0]


class Health(NamedTuple):
    """What a probe found."""

    serving: bool
    slots: tuple[int, int] | None = None
    """How many slots are used, and how many there are; None: the server does not report them."""


Probe: TypeAlias = "Callable[[Place[U]], Awaitable[Health]]"
"""Asks a server how it is. Never fails, and limits its own time."""


class LeaseMeter(SearchMeter):
    """Is notified of searches, leases and probes; this one does nothing with it."""

    @contextmanager
    def lease(self) -> Iterator[None]:
        """A lease is held, or asked for, meanwhile."""
        yield

    def probed(self, health: Sequence[Health]) -> None:
        """Every server has been probed."""


@asynccontextmanager
async def opened(
    urls: Sequence[U],
    probe: "Probe[U]",
    options: Options,
    meter: LeaseMeter | None = None,
    *,
    name: str = "engine",
    policy: Policy = POLICY,
    probed_every_s: float | None = PROBED_EVERY_S,
) -> AsyncIterator["Upstreams[U]"]:
    """The servers at these URLs, followed and probed meanwhile. They need not be up yet.

    `name` is what errors call one; `probed_every_s` None: they are probed once, and whenever `refresh` is called.
    """
    upstreams = Upstreams(urls, probe, options, meter or LeaseMeter(), name=name, policy=policy)
    await upstreams.resolve()
    await upstreams.refresh()
    async with beside(upstreams.follow(probed_every_s)):
        yield upstreams


class Upstreams(Generic[U]):
    """The servers behind some URLs; see `opened`."""

    def __init__(
        self, urls: Sequence[U], probe: "Probe[U]", options: Options, meter: LeaseMeter, *, name: str, policy: Policy
    ) -> None:
        self._urls = urls
        self._probe = probe
        self._options = options
        self._meter = meter
        self._name = name
        self._names = Resolver([url.target for url in urls], self._list)
        self._pool: Pool[Place[U], Member[Place[U]]] = Pool(Member, policy)
        self._finder = Finder(
            self._pool,
            meter=meter,
            judge=judge,
            explain=partial(explain, name),
            report=self._report,
            late=f"the {name} did not answer in time",
        )
        self._leases = 0

    @property
    def answering(self) -> bool:
        """Whether any of them answered its last probe."""
        return any(server.serving for server in self._pool.listed)

    def refusal(self) -> MeshError | None:
        """The error of a lease that would find no server, as far as is known; None: some server may take it."""
        now = asyncio.get_running_loop().time()
        ready = [each for each in self._pool.candidates(now) if each.serving is not False]
        if any(not each.is_full(now) for each in ready):
            return None
        if ready:
            return AtCapacity(f"every slot of the {self._name} is taken")
        return explain(self._name, NoneFound(tuple(self._pool.troubles(now))))

    @property
    def most_leases(self) -> int:
        """How many connections may be held at once."""
        return self._options.most_leases

    @asynccontextmanager
    async def lease(self, connect: "Callable[[Place[U]], AbstractAsyncContextManager[C]]") -> AsyncIterator[C]:
        """A connection to one of them, made by `connect` and left on leaving.

        Raises, in time, `AtCapacity` if one of them was full, `UpstreamMisconfigured` if it was for that alone,
        `UpstreamDown` otherwise, and any other error of `connect` at once.
        """
        if self._leases >= self._options.most_leases:
            raise AtCapacity(f"every {self._name} connection this process may have is taken")
        self._leases += 1
        try:
            with self._meter.lease():
                async with AsyncExitStack() as held:

                    async def attempt(server: Member[Place[U]]) -> C:
                        async with AsyncExitStack() as undo:
                            undo.enter_context(server.in_use())
                            connection = await undo.enter_async_context(connect(server.place))
                            held.push_async_exit(undo.pop_all())
                            return connection

                    yield await self._finder.find(attempt, self._options.limits)
        finally:
            self._leases -= 1

    async def first(self, ask: "Callable[[Place[U]], Awaitable[Found]]") -> Found:
        """The answer of the first of them that gives one. Raises what `lease` does."""

        async def attempt(server: Member[Place[U]]) -> Found:
            with server.in_use():
                return await ask(server.place)

        return await self._finder.find(attempt, self._options.limits)

    async def resolve(self) -> None:
        """Learn where they are, as far as the name service answers in time."""
        await self._names.resolve_all(_FIRST_ANSWERS_LIMIT_S)

    async def refresh(self) -> None:
        """Probe all of them."""
        was_answering = self.answering
        async with asyncio.TaskGroup() as tasks:
            probes = [tasks.create_task(self._probed(server)) for server in self._pool.listed]
        if self.answering is not was_answering:
            _log.info(f"{self._name} answers" if self.answering else f"no {self._name} answers", servers=len(probes))
        self._meter.probed([each.result() for each in probes])

    async def follow(self, probed_every_s: float | None) -> None:
        """Keep up with where they are and how they are, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._names.follow())
            if probed_every_s is not None:
                tasks.create_task(self._refresh_every(probed_every_s))

    async def _refresh_every(self, seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            await self.refresh()

    async def _probed(self, server: Member[Place[U]]) -> Health:
        health = await self._probe(server.place)
        server.set_serving(health.serving)
        if health.slots is not None:
            server.set_slots(*health.slots)
        return health

    def _report(self, server: "Member[Place[U]]", trouble: MeshError) -> None:
        _log.warning(
            f"{self._name} took no call", server=server.place.address, error=trouble.message, cause=trouble.cause()
        )

    def _list(self) -> None:
        now = asyncio.get_running_loop().time()
        found = [Place(url, address) for url in self._urls for address in self._names.addresses(url.target)]
        self._pool.set_places(found, now)
        self._pool.forget(now)


def judge(error: MeshError) -> Outcome | None:
    """What an error says of the server that raised it; None: the request is at fault."""
    match error:
        case UpstreamMisconfigured():
            return Outcome.MISCONFIGURED
        case UpstreamDown():
            return Outcome.FAILED
        case _:
            return None


def explain(name: str, none: NoneFound) -> MeshError:
    """The error for a search that found no server; a server is called `name`."""
    if none.is_full:
        return AtCapacity(f"every slot of the {name} is taken", retry_after=none.retry_after)
    last = none.tries[-1].error if none.tries else UpstreamDown(f"no {name} can be reached")
    message = last.message if isinstance(last, MeshError) else str(last)
    return UpstreamMisconfigured(message) if none.is_misconfigured else UpstreamDown(message)
