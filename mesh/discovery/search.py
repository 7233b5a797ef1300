"""Finds a replica of a service that takes a call.

    async with admitted(replicas, lambda channel: SpeechToTextServiceStub(channel).Transcribe, config) as stream:
        await stream.send(request)
        async for response in stream: ...

Replicas that serve are tried one after the other until one admits. A refusal for capacity is cheap and leads on to the
next; a replica that fails, or does not answer in time, counts, and after three of them the search is over; an error
that the request caused would be the same everywhere and is raised at once.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import grpc

from mesh.discovery.finder import SearchMeter
from mesh.discovery.replicas import Replica, Replicas
from mesh.errors import from_rpc_error
from mesh.pool import Limits
from mesh.rpc.admission import Admission
from mesh.rpc.health import is_serving
from mesh.rpc.uploads import Upload

__all__ = [
    "DIRECT",
    "SEARCHING_SERVICE",
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

DIRECT = Limits()
"""For a service that searches no other service before it admits."""

SEARCHING_SERVICE = Limits(one_try=DIRECT.search + DIRECT.one_try, search=DIRECT.search + 2 * DIRECT.one_try)
"""For a service that searches for others before it admits. A shorter try would time out during that search, and a full
mesh would look unreachable."""

Req = TypeVar("Req")
Resp = TypeVar("Resp")
Call = TypeVar("Call", Admission[Any, Any], Upload[Any, Any])

StreamMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.StreamStreamMultiCallable[Req, Resp]]"
UploadMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.StreamUnaryMultiCallable[Req, Resp]]"
UnaryMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.UnaryUnaryMultiCallable[Req, Resp]]"


@asynccontextmanager
async def admitted(
    replicas: Replicas,
    stub_method: "StreamMethod[Req, Resp]",
    config: Req,
    limits: Limits = DIRECT,
    *,
    avoided: Collection[str] = (),
) -> AsyncIterator[Admission[Req, Resp]]:
    """A stream that one of the replicas has admitted; it is cancelled on leaving, if it has not ended.

    Replicas at the `avoided` addresses are not tried.

    Raises `MissingServiceAtCapacity` if a replica was full and none admitted; else the error of a replica that has met
    a bug, if one has; else `MissingServiceTimeout`. An error that the request caused is raised at once.
    """

    def begin(replica: Replica) -> Admission[Req, Resp]:
        return Admission(stub_method(replica.channel)(), replica.address)

    async with _opened(replicas, begin, config, limits, avoided) as admission:
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

    return await replicas.find(attempt, limits)


async def any_serving(replicas: Replicas, name: str = "") -> bool:
    """Whether any replica says in time that it serves `name`, which "" is the replica as a whole. Never fails.

    Each is asked now: the health watch reports a hung replica as serving.
    """
    await replicas.first(DIRECT.one_try)
    return True in await _answers(replicas, name)


async def known_down(replicas: Replicas, name: str) -> bool:
    """Whether a replica says that it does not serve `name`, and none that it does. Never fails, nor waits for one."""
    answers = await _answers(replicas, name)
    return False in answers and True not in answers


async def _answers(replicas: Replicas, name: str) -> list[bool | None]:
    asked = (is_serving(replica.channel, name, within=DIRECT.one_try) for replica in replicas.reachable)
    return await asyncio.gather(*asked)


@asynccontextmanager
async def _opened(
    replicas: Replicas, begin: Callable[[Replica], Call], config: Any, limits: Limits, avoided: Collection[str] = ()
) -> AsyncIterator[Call]:
    """The call that `begin` begins, at the first replica that admits it; cancelled on leaving."""
    async with AsyncExitStack() as held:

        async def attempt(replica: Replica) -> Call:
            async with AsyncExitStack() as undo:
                undo.enter_context(replica.in_use())
                call = begin(replica)
                undo.push_async_callback(call.close)
                await call.open(config)
                await held.enter_async_context(undo.pop_all())
                return call

        yield await replicas.find(attempt, limits, avoided)
