"""Finds a replica of a service that takes a call.

    async with admitted(replicas, lambda channel: SpeechToTextServiceStub(channel).Transcribe, config) as stream:
        await stream.send(request)
        async for response in stream: ...

Replicas that serve are tried one after the other until one admits. A refusal for capacity is cheap and leads on to the
next; a replica that fails, or does not answer in time, counts, and after three of them the search is over; an error
that is the request's own would be the same everywhere and is raised at once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from typing import Any, NamedTuple, TypeAlias, TypeVar

import grpc
import structlog

from mesh.discovery.replica import Replica
from mesh.discovery.replicas import Replicas, SearchMeter
from mesh.errors import AtCapacity, MeshError, MissingServiceAtCapacity, MissingServiceTimeout, from_rpc_error
from mesh.rpc.admission import Admission
from mesh.rpc.health import is_serving
from mesh.rpc.uploads import Upload

__all__ = [
    "DIRECT",
    "THROUGH_A_SEARCH",
    "Admission",
    "Limits",
    "Replicas",
    "SearchMeter",
    "admitted",
    "any_serving",
    "ask",
    "known_down",
    "uploading",
]

log = structlog.get_logger()

TRY_LIMIT_S = 0.5
SEARCH_LIMIT_S = 1.5
MOST_FAILURES = 3


class Limits(NamedTuple):
    """How long finding a replica may take, in seconds."""

    one_try: float = TRY_LIMIT_S
    search: float = SEARCH_LIMIT_S


DIRECT = Limits()
"""For a service that admits by itself."""

THROUGH_A_SEARCH = Limits(one_try=SEARCH_LIMIT_S + TRY_LIMIT_S, search=SEARCH_LIMIT_S + 2 * TRY_LIMIT_S)
"""For a service that searches for others before it admits: were a try shorter than that search, a mesh that is busy, or
full, would be told of as one that cannot be reached."""

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

Req = TypeVar("Req")
Resp = TypeVar("Resp")
Found = TypeVar("Found")
Call = TypeVar("Call", Admission[Any, Any], Upload[Any, Any])

StreamMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.StreamStreamMultiCallable[Req, Resp]]"
UploadMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.StreamUnaryMultiCallable[Req, Resp]]"
UnaryMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.UnaryUnaryMultiCallable[Req, Resp]]"


@asynccontextmanager
async def admitted(
    replicas: Replicas, stub_method: "StreamMethod[Req, Resp]", config: Req, limits: Limits = DIRECT
) -> AsyncIterator[Admission[Req, Resp]]:
    """A stream that one of the replicas has admitted; it is cancelled on leaving, if it has not ended.

    Raises `MissingServiceAtCapacity` if a replica was full and none admitted; else the error of a replica that has met
    a bug, if one has; else `MissingServiceTimeout`. An error of the request's own is raised at once.
    """

    def begin(replica: Replica) -> Admission[Req, Resp]:
        return Admission(stub_method(replica.channel)(), replica.address)

    async with _opened(replicas, begin, config, limits) as admission:
        yield admission


@asynccontextmanager
async def uploading(
    replicas: Replicas, stub_method: "UploadMethod[Req, Resp]", config: Req
) -> AsyncIterator[Upload[Req, Resp]]:
    """An upload that one of the replicas has admitted; cancelled on leaving, if it has not ended. See `admitted`."""

    def begin(replica: Replica) -> Upload[Req, Resp]:
        return Upload(stub_method(replica.channel)())

    async with _opened(replicas, begin, config, DIRECT) as upload:
        yield upload


async def ask(replicas: Replicas, stub_method: "UnaryMethod[Req, Resp]", request: Req, limits: Limits = DIRECT) -> Resp:
    """The answer to a unary call, of the first replica that gives one. Raises what `admitted` does."""

    async def attempt(replica: Replica) -> Resp:
        try:
            with replica.in_use():
                return await stub_method(replica.channel)(request)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    return await _found(replicas, attempt, limits)


async def any_serving(replicas: Replicas, name: str = "") -> bool:
    """Whether any replica says in time that it serves `name`, which "" is the replica as a whole. Never fails.

    They are asked: one that hangs goes on serving, as far as its watch can tell.
    """
    await replicas.choose(patience_s=TRY_LIMIT_S)
    return True in await _answers(replicas, name)


async def known_down(replicas: Replicas, name: str) -> bool:
    """Whether a replica says that it does not serve `name`, and none that it does. Never fails, nor waits for one."""
    answers = await _answers(replicas, name)
    return False in answers and True not in answers


async def _answers(replicas: Replicas, name: str) -> list[bool | None]:
    asked = (is_serving(replica.channel, name, within=TRY_LIMIT_S) for replica in replicas.reachable)
    return await asyncio.gather(*asked)


@asynccontextmanager
async def _opened(
    replicas: Replicas, begin: Callable[[Replica], Call], config: Any, limits: Limits
) -> AsyncIterator[Call]:
    """The call that `begin` begins, at the first replica that admits it; cancelled on leaving."""

    async def attempt(replica: Replica) -> tuple[Call, ExitStack]:
        with ExitStack() as undo:
            undo.enter_context(replica.in_use())
            call = begin(replica)
            undo.callback(call.cancel)
            await call.open(config)
            return call, undo.pop_all()

    call, undo = await _found(replicas, attempt, limits)
    with undo:
        yield call


async def _found(replicas: Replicas, attempt: Callable[[Replica], Awaitable[Found]], limits: Limits) -> Found:
    """What the first successful attempt returns."""
    search = _Search(replicas)
    try:
        async with asyncio.timeout(limits.search):
            while replica := await search.next():
                async with search.noting(replica), asyncio.timeout(limits.one_try):
                    return await attempt(replica)
    except TimeoutError:
        pass
    raise search.failure()


class _Search:
    """What has become of the tries so far."""

    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas
        self._meter = replicas.meter
        self._missing = replicas.service
        self._tried: set[Replica] = set()
        self._failures = 0
        self._retry_after: list[float] = []
        self._fault: MeshError | None = None
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._log = log.bind(wanted=replicas.service)

    async def next(self) -> Replica | None:
        """The replica to try next; None: the search is over. If none was full, one that is down may come back first."""
        if self._failures == MOST_FAILURES:
            return None
        patience_s = 0.0 if self._retry_after else self._began + TRY_LIMIT_S - self._clock()
        replica = await self._replicas.choose(but=self._tried, patience_s=patience_s)
        if replica:
            self._tried.add(replica)
        return replica

    @asynccontextmanager
    async def noting(self, replica: Replica) -> AsyncIterator[None]:
        """Note how a try goes, and keep its failure from ending the search, unless the request is at fault."""
        began = self._clock()
        try:
            yield
        except TimeoutError:
            self._failed(replica, "no answer in time")
        except AtCapacity as refusal:
            self._missing = refusal.service or self._missing
            self._retry_after.append(refusal.retry_after or 0.0)
            self._meter.refused(self._clock() - began)
            replica.refused(refusal.retry_after or 0.0)
        except MeshError as error:
            if error.code in _REQUEST_AT_FAULT:
                raise
            if error.code not in _UNREACHABLE:
                self._fault = error
            self._missing = error.service or self._missing
            self._failed(replica, error.cause() or error.message)
        else:
            self._meter.found(self._clock() - self._began)
            replica.admitted()

    def failure(self) -> MeshError:
        """Why none was found."""
        self._meter.missed()
        if self._retry_after:
            return MissingServiceAtCapacity.of(self._missing, retry_after=min(self._retry_after))
        return self._fault or MissingServiceTimeout.of(self._missing)

    def _failed(self, replica: Replica, why: str) -> None:
        self._failures += 1
        self._meter.failed()
        replica.failed()
        self._log.debug("replica did not take a call", replica=replica.address, why=why)
