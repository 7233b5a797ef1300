"""Between gRPC and every servicer: turns errors into statuses, counts calls, and refuses them while draining."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any, TypeAlias

import grpc
import structlog

from mesh.errors import InternalError, MeshError, to_status
from mesh.process.drain import LiveCalls
from mesh.rpc.reading import Reader, iterated
from mesh.tasks import was_cancelled

log = structlog.get_logger()

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_MaybeHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class Interceptor(grpc.aio.ServerInterceptor):
    """Wraps the handler of each call.

    A `MeshError` is answered with its status; raised before the first response, that status is all the peer gets
    ("trailers only"), so that it may retry elsewhere. Any other exception is a bug: it is logged with its trace and
    answered with INTERNAL, which says nothing. A generator is closed before its call ends, whatever ends it.
    """

    def __init__(self, calls: LiveCalls) -> None:
        self._calls = calls
        self._reading: set[asyncio.Task[None]] = set()
        """The last reads of calls whose handlers are done. gRPC ends them when it has ended the call."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_MaybeHandler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _MaybeHandler:
        """Wrap the handler of this call, if the server has one."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        counted = not method.startswith("/grpc.")
        serve = _streaming(handler) if handler.response_streaming else _unary(handler)

        async def answered(request: Any, context: _Context) -> Any:
            async with _errors_answered(context, method):
                if not counted:
                    return await serve(request, context)
                with self._calls.one_more():
                    return await serve(request, context)

        async def guarded(_requests: Any, context: _Context) -> Any:
            reader: Reader[Any] = Reader(partial(_read, context))
            try:
                return await answered(iterated(reader), context)
            finally:
                self._leave(reader.close())

        return _rebuilt(handler, guarded if handler.request_streaming else answered)

    def _leave(self, reading: "asyncio.Task[None] | None") -> None:
        """Keep a reference to the last read of a call until it has ended."""
        if reading:
            self._reading.add(reading)
            reading.add_done_callback(self._reading.discard)


async def _read(context: _Context) -> Any:
    """The next request; None at the end."""
    request = await context.read()
    return None if request is grpc.aio.EOF else request


def _unary(handler: _Handler) -> Callable[[Any, _Context], Awaitable[Any]]:
    """The servicer's method, which returns its one response."""
    behaviour: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary
    return behaviour  # type: ignore[no-any-return]  # gRPC's types know only synchronous servicers


def _streaming(handler: _Handler) -> Callable[[Any, _Context], Awaitable[None]]:
    """The servicer's method as a coroutine that writes its responses.

    A method may be an async generator, or be such a coroutine itself. The streaming services are coroutines: gRPC could
    leave a generator suspended inside its task groups. Its types know generators only, so they need an `ignore`.
    """
    behaviour: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream

    async def serve(request: Any, context: _Context) -> None:
        responses = behaviour(request, context)
        if not inspect.isasyncgen(responses):
            await responses
            return
        async with aclosing(responses):
            async for response in responses:
                await context.write(response)

    return serve


def _rebuilt(handler: _Handler, behaviour: Any) -> _Handler:
    build: Any = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]
    rebuilt: _Handler = build(behaviour, handler.request_deserializer, handler.response_serializer)
    return rebuilt


@asynccontextmanager
async def _errors_answered(context: _Context, method: str) -> AsyncIterator[None]:
    """End the call with the status of an exception that the block raises."""
    try:
        yield
    except asyncio.CancelledError as cancelled:
        if was_cancelled():
            # By gRPC, because the peer has left or the server stops; else by a bug inside the servicer.
            raise
        await _answer(context, method, cancelled)
    except Exception as error:  # noqa: BLE001 - whatever it is, its text must not leave the process
        await _answer(context, method, _culprit(error))


async def _answer(context: _Context, method: str, error: BaseException) -> None:
    match error:
        case MeshError():
            log.info("call failed", method=method, reason=error.reason, message=error.message, cause=error.cause())
            await context.abort_with_status(to_status(error))
        case grpc.aio.AbortError():
            # The servicer has aborted by itself: gRPC knows what to do with its own exception.
            raise error
        case grpc.aio.InternalError():
            # The peer has gone while it was being written to. gRPC would log a trace of that; not of a cancellation.
            log.info("call ended", method=method, reason="the peer has left")
            raise asyncio.CancelledError from None
        case _:
            log.error("bug in a servicer", method=method, exc_info=error)
            await context.abort_with_status(to_status(InternalError()))


def _culprit(error: Exception) -> Exception:
    """The exception that explains the failure: of a task group's, a bug first, then gRPC's own, then the peer's."""
    if not isinstance(error, ExceptionGroup):
        return error
    leaves = [_culprit(each) for each in error.exceptions]
    return min(leaves, key=lambda leaf: (isinstance(leaf, MeshError), isinstance(leaf, grpc.aio.BaseError)))
