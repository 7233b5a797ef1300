"""Finds a replica of a service that takes a call.

    async with admitted(replicas, lambda channel: SpeechToTextServiceStub(channel).Transcribe, config) as stream:
        await stream.send(request)
        async for response in stream: ...

Replicas are tried one after the other, the healthy first, until one admits. A refusal for capacity is cheap and leads
on to the next; a time-out or an unreachable replica counts, and after three of them the search is over; any other error
would be the same everywhere and is raised at once.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple, TypeAlias, TypeVar

import grpc
import structlog

from mesh.admission import Admission
from mesh.errors import AtCapacity, MeshError, MissingServiceAtCapacity, MissingServiceTimeout, from_rpc_error
from mesh.health import is_serving
from mesh.replicas import Replica, Replicas
from mesh.uploads import Upload

__all__ = ["THROUGH_A_SEARCH", "Admission", "Limits", "Replicas", "admitted", "any_serving", "ask", "uploading"]

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


_TRANSIENT = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED}

Req = TypeVar("Req")
Resp = TypeVar("Resp")
Found = TypeVar("Found")

StreamMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.StreamStreamMultiCallable[Req, Resp]]"
UploadMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.StreamUnaryMultiCallable[Req, Resp]]"
UnaryMethod: TypeAlias = "Callable[[grpc.aio.Channel], grpc.aio.UnaryUnaryMultiCallable[Req, Resp]]"


@asynccontextmanager
async def admitted(
    replicas: Replicas, stub_method: "StreamMethod[Req, Resp]", config: Req, limits: Limits = DIRECT
) -> AsyncIterator[Admission[Req, Resp]]:
    """A stream that one of the replicas has admitted; it is cancelled on leaving, if it has not ended.

    Raises `MissingServiceAtCapacity` if a replica was full and none admitted, else `MissingServiceTimeout`; and at once
    an error that would be the same everywhere.
    """

    async def attempt(replica: Replica, *, wait: bool) -> tuple[Replica, Admission[Req, Resp]]:
        admission = Admission(stub_method(replica.channel)(wait_for_ready=wait), replica.address)
        try:
            await admission.open(config)
        except BaseException:
            admission.cancel()
            raise
        return replica, admission

    replica, admission = await _found(replicas, attempt, limits)
    replica.streams += 1
    try:
        yield admission
    finally:
        replica.streams -= 1
        admission.cancel()


async def ask(replicas: Replicas, stub_method: "UnaryMethod[Req, Resp]", request: Req) -> Resp:
    """The answer to a unary call, of the first replica that gives one. Raises what `admitted` does."""

    async def attempt(replica: Replica, *, wait: bool) -> Resp:
        try:
            return await stub_method(replica.channel)(request, wait_for_ready=wait)
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error

    return await _found(replicas, attempt, DIRECT)


@asynccontextmanager
async def uploading(
    replicas: Replicas, stub_method: "UploadMethod[Req, Resp]", config: Req
) -> AsyncIterator[Upload[Req, Resp]]:
    """An upload that one of the replicas has admitted; cancelled on leaving, if it has not ended. See `admitted`."""

    async def attempt(replica: Replica, *, wait: bool) -> tuple[Replica, Upload[Req, Resp]]:
        upload = Upload(stub_method(replica.channel)(wait_for_ready=wait))
        try:
            await upload.open(config)
        except BaseException:
            upload.cancel()
            raise
        return replica, upload

    replica, upload = await _found(replicas, attempt, DIRECT)
    replica.streams += 1
    try:
        yield upload
    finally:
        replica.streams -= 1
        upload.cancel()


async def any_serving(replicas: Replicas, name: str = "") -> bool:
    """Whether any replica says in time that it serves `name`, which "" is the replica as a whole. Never fails."""
    try:
        async with asyncio.timeout(SEARCH_LIMIT_S):
            candidates = await replicas.candidates()
            answers = (is_serving(replica.channel, name, within=TRY_LIMIT_S) for replica in candidates)
            return any(await asyncio.gather(*answers))
    except TimeoutError:
        return False


async def _found(replicas: Replicas, attempt: Callable[..., Awaitable[Found]], limits: Limits) -> Found:
    """What the first successful attempt returns."""
    search = _Search(replicas.service)
    try:
        async with asyncio.timeout(limits.search):
            candidates = await replicas.candidates()
            for left, replica in zip(range(len(candidates), 0, -1), candidates, strict=True):
                # A dead replica fails at once, but for the last hope, which is given the time to come back.
                last_hope = left == 1 and not search.refused
                async with search.noting(replica), asyncio.timeout(limits.one_try):
                    return await attempt(replica, wait=last_hope)
                if search.failures == MOST_FAILURES:
                    break
    except TimeoutError:
        pass
    raise search.failure()


class _Search:
    """What has become of the tries so far."""

    def __init__(self, service: str) -> None:
        self.failures = 0
        self._missing = service
        self._retry_after: list[float] = []
        self._log = log.bind(wanted=service)

    @asynccontextmanager
    async def noting(self, replica: Replica) -> AsyncIterator[None]:
        """Keep the failure of a try from ending the search, unless it is permanent."""
        try:
            yield
        except TimeoutError:
            self._failed(replica, "no answer in time")
        except AtCapacity as refusal:
            self._missing = refusal.service or self._missing
            self._retry_after.append(refusal.retry_after or 0.0)
            replica.note(healthy=True)
        except MeshError as error:
            if error.code not in _TRANSIENT:
                raise
            self._missing = error.service or self._missing
            self._failed(replica, error.cause() or error.message)
        else:
            replica.note(healthy=True)

    @property
    def refused(self) -> bool:
        """Whether a replica was full."""
        return bool(self._retry_after)

    def failure(self) -> MeshError:
        """Why none was found."""
        if self.refused:
            return MissingServiceAtCapacity.of(self._missing, retry_after=min(self._retry_after))
        return MissingServiceTimeout.of(self._missing)

    def _failed(self, replica: Replica, why: str) -> None:
        self.failures += 1
        replica.note(healthy=False)
        self._log.debug("replica did not take a call", replica=replica.address, why=why)
