"""All moshi-servers behind a proxy, and the leases on their slots.

    async with opened(urls, options, metrics) as upstreams, upstreams.lease(call) as connection: ...

A background task keeps asking the servers how they are, so that opening a stream asks nobody: it goes to the freest.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import httpx2
import structlog

from mesh.discovery.addresses import parse_target, resolve
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.ports import authority
from mesh.tasks import beside
from moshi_client.connection import Call, Connection, EngineError, connected
from moshi_client.metrics import LeaseMetrics
from moshi_client.options import Options
from moshi_client.probe import probe
from moshi_client.upstream import Upstream, in_order
from moshi_client.urls import ServerUrl

_EVERY_S = 1.0
"""How often the servers are asked how they are."""
_RESOLVED_FOR_S = 5.0
"""How long an answer of the name service is used."""
_RESOLVE_LIMIT_S = 2.0
_RETRY_AFTER_S = 1.0
_LONGEST_SAID = 200

M = TypeVar("M")

_log = structlog.get_logger()


@asynccontextmanager
async def opened(
    urls: Sequence[ServerUrl], path: str, options: Options, metrics: LeaseMetrics
) -> AsyncIterator["Upstreams"]:
    """The servers at these URLs, whose module at `path` is wanted, kept an eye on meanwhile."""
    # Loaded once: that takes longer than opening a stream may.
    tls = await asyncio.to_thread(ssl.create_default_context) if any(url.secure for url in urls) else None
    async with httpx2.AsyncClient(verify=tls or False, trust_env=False) as client:
        upstreams = Upstreams(urls, path, options, metrics, client=client, tls=tls)
        await upstreams.refresh()
        async with beside(upstreams.watch()):
            yield upstreams


class Upstreams:
    """The servers, found by name again and again."""

    def __init__(
        self,
        urls: Sequence[ServerUrl],
        path: str,
        options: Options,
        metrics: LeaseMetrics,
        *,
        client: httpx2.AsyncClient,
        tls: ssl.SSLContext | None,
    ) -> None:
        self._urls = urls
        self._path = path
        self._options = options
        self._metrics = metrics
        self._client = client
        self._tls = tls
        self._known: dict[tuple[ServerUrl, str], Upstream] = {}
        self._resolved_at = float("-inf")
        self._leases = 0

    @property
    def answering(self) -> bool:
        """Whether any of them answered when it was asked last."""
        return any(upstream.answers for upstream in self._known.values())

    @property
    def capacity(self) -> int:
        """How many streams may be open."""
        return self._options.most_leases

    @asynccontextmanager
    async def lease(self, call: Call[M]) -> AsyncIterator[Connection[M]]:
        """A stream with a slot of one of them, given back on leaving.

        Raises, in time, `AtCapacity` if one of them was full, `UpstreamMisconfigured` if it was for that alone,
        `VoiceNotFound`, and `UpstreamDown` otherwise.
        """
        if self._leases >= self._options.most_leases:
            raise AtCapacity("every stream this proxy may have is taken", retry_after=_RETRY_AFTER_S)
        self._leases += 1
        try:
            with self._metrics.lease():
                async with AsyncExitStack() as slot:
                    with self._metrics.search():
                        connection = await self._found(call, slot)
                    yield connection
        finally:
            self._leases -= 1

    async def watch(self) -> None:
        """Keep knowing how they are, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.refresh()

    async def refresh(self) -> None:
        """Learn where they are, if that is long ago, and how they are."""
        now = asyncio.get_running_loop().time()
        if now - self._resolved_at >= _RESOLVED_FOR_S:
            self._resolved_at = now
            await self._resolve()
        was_answering = self.answering
        async with asyncio.TaskGroup() as tasks:
            for upstream in self._known.values():
                tasks.create_task(probe(upstream, self._client, self._path))
        if self.answering is not was_answering:
            _log.info("engine answers" if self.answering else "no engine answers", engines=len(self._known))
        self._metrics.seen(list(self._known.values()))

    async def _resolve(self) -> None:
        listed: dict[tuple[ServerUrl, str], Upstream] = {}
        for url in self._urls:
            listed |= await self._listed(url)
        self._known = listed

    async def _listed(self, url: ServerUrl) -> dict[tuple[ServerUrl, str], Upstream]:
        """The servers behind a URL, those known already as they are. Without an answer: the servers last found."""
        try:
            async with asyncio.timeout(_RESOLVE_LIMIT_S):
                addresses = await resolve(url.target)
        except OSError as error:
            _log.warning("engine's name cannot be resolved", host=url.host, error=str(error))
            return {key: upstream for key, upstream in self._known.items() if key[0] == url}
        found = {(url, address): Upstream(url, *parse_target(address)[0]) for address in addresses}
        return {key: self._known.get(key, upstream) for key, upstream in found.items()}

    async def _found(self, call: Call[M], slot: AsyncExitStack) -> Connection[M]:
        """A connection, whose lease is put on `slot`."""
        loop = asyncio.get_running_loop()
        search = _Search()
        try:
            async with asyncio.timeout(self._options.search_limit_s):
                for upstream in in_order(list(self._known.values()), loop.time()):
                    async with search.noting(upstream, self._metrics), AsyncExitStack() as stack:
                        async with asyncio.timeout(self._options.try_limit_s):
                            connection = await self._attempt(upstream, call, stack)
                        slot.push_async_exit(stack.pop_all())
                        return connection
        except TimeoutError:
            pass
        raise search.failure(self._known.values())

    async def _attempt(self, upstream: Upstream, call: Call[M], stack: AsyncExitStack) -> Connection[M]:
        with self._metrics.attempt():
            stack.enter_context(upstream.lease())
            url, address = upstream.url.websocket(call.target), (upstream.host, upstream.port)
            tls = self._tls if upstream.url.secure else None
            return await stack.enter_async_context(connected(url, address, call, tls))


class _Search:
    """What has become of the tries so far."""

    def __init__(self) -> None:
        self._refused = False
        self._tried: list[MeshError] = []

    @asynccontextmanager
    async def noting(self, upstream: Upstream, metrics: LeaseMetrics) -> AsyncIterator[None]:
        """Keep the failure of a try from ending the search, unless it would be the same everywhere."""
        try:
            yield
        except AtCapacity:
            self._refused = True
            upstream.refused()
            metrics.refused()
        except (TimeoutError, UpstreamDown, UpstreamMisconfigured) as error:
            trouble = error if isinstance(error, MeshError) else UpstreamDown("the engine was not ready in time")
            self._tried.append(trouble)
            upstream.failed(trouble, asyncio.get_running_loop().time())
            metrics.failed()
            said = trouble.said[:_LONGEST_SAID] if isinstance(trouble, EngineError) else trouble.cause()
            _log.warning(
                "engine took no stream",
                engine=authority(upstream.host, upstream.port),
                error=trouble.message,
                cause=said,
            )
        else:
            upstream.admitted()

    def failure(self, upstreams: Iterable[Upstream]) -> MeshError:
        """Why none was found."""
        if self._refused:
            return AtCapacity("every slot of the engine is taken", retry_after=_RETRY_AFTER_S)
        troubles = self._tried or [each.trouble for each in upstreams if each.trouble is not None]
        last = troubles[-1] if troubles else UpstreamDown("no engine can be reached")
        if all(isinstance(trouble, UpstreamMisconfigured) for trouble in troubles):
            return type(last)(last.message)
        return UpstreamDown(last.message)
