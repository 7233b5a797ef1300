"""Finds out whether the language model's server can be used: asks what `health` finds due, and tells it what came.

Real requests are reported here as well, since they decide before anything that is asked.
"""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import Any

import structlog

from mesh.times import loop_time
from orchestrator.llm.address import ServerAddress
from orchestrator.llm.connection import Trouble, proxy_of
from orchestrator.llm.failures import LanguageModelFailed, failures
from orchestrator.llm.health import Check, ServerHealth

_CHECK_LIMIT_S = 2.0
"""How long a server may take to list its models, or to take a connection, to count as up."""

_LATELY_S = 10.0

NO_LIST = frozenset(
    (
        *(HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED),
        *(HTTPStatus.GONE, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.NOT_IMPLEMENTED),
    )
)
"""How servers answer that are well, and do not list their models, or not now."""
_LASTING = frozenset((HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND))
"""Refusals of a real request that the next one will meet, too, like any 5xx."""

_log = structlog.get_logger()


class Availability:
    """Of one server. Where a method takes `model_known`: whether it is known which model to ask."""

    def __init__(self, address: ServerAddress) -> None:
        self._address = address
        self._health = ServerHealth()
        self._last_problem: str | None = None

    @property
    def up(self) -> bool:
        """Whether the server could be used when that was last known."""
        return self._health.up

    @property
    def was_up_lately(self) -> bool:
        """Whether the server could be used within the last ten seconds: if it cannot now, it may be restarting."""
        return self._health.was_up(loop_time() - _LATELY_S)

    async def check(self, list_models: Callable[[], Awaitable[object]], *, model_known: bool) -> bool:
        """Tell whether the server can be used and the model is known. Takes two seconds at most.

        It may be called as often as one likes: the server is asked only when that is due. `list_models` raises
        `LanguageModelFailed`.
        """
        match self._health.due(loop_time()):
            case Check.MODELS:
                await self._check_list(list_models, model_known=model_known)
            case Check.CONNECTION:
                await self._check_connection()
            case Check.NOTHING:
                pass
        return self._health.up

    def request_answered(self) -> None:
        """A real request was answered."""
        self._last_problem = None
        self._health.answered(loop_time())

    def request_failed(self, error: LanguageModelFailed, *, model_known: bool) -> None:
        """A real request came to nothing."""
        now, status = loop_time(), error.status
        if error.trouble not in (None, Trouble.TIMEOUT, Trouble.LOST):
            self._health.failed(now, reached=False)
        elif (
            status is not None and (status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _LASTING)
        ) or not model_known:
            self._health.failed(now)
        elif status is None:
            self._health.doubted(now)
        else:
            self._health.answered(now)  # it has, though not as one would like
            return
        if not self._health.up:
            self._tell(error)

    async def _check_list(self, list_models: Callable[[], Awaitable[object]], *, model_known: bool) -> None:
        try:
            with failures():
                async with asyncio.timeout(_CHECK_LIMIT_S):
                    await list_models()
        except LanguageModelFailed as error:
            self._list_failed(error, model_known=model_known)
        else:
            self._last_problem = None
            self._health.listed(loop_time())

    def _list_failed(self, error: LanguageModelFailed, *, model_known: bool) -> None:
        now = loop_time()
        if model_known and error.status in NO_LIST:
            self._last_problem = None
            self._health.does_not_list(now)
            return
        if error.trouble is not None:
            self._health.not_reached(now)
        elif model_known:
            self._health.list_refused(now)
        else:
            self._health.failed(now)
        if not self._health.up:
            self._tell(error)

    async def _check_connection(self) -> None:
        """See whether the server takes connections. Behind a proxy that would say nothing of it."""
        if proxy_of(self._address) is not None:
            self._health.connected(loop_time(), near=False)
            return
        try:
            async with asyncio.timeout(_CHECK_LIMIT_S):
                _, writer = await asyncio.open_connection(self._address.host, self._address.port)
        except OSError as error:  # which a time-out is, too
            failed = LanguageModelFailed("the language model cannot be reached")
            failed.__cause__ = error
            self._health.not_reached(loop_time())
            self._tell(failed)
        else:
            near = _is_near(writer.get_extra_info("peername"))
            # At once: nothing was sent, and a farewell would be one more thing to wait for.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()
            self._health.connected(loop_time(), near=near)

    def _tell(self, error: LanguageModelFailed) -> None:
        """Log what is wrong, once as long as it is the same."""
        problem = f"{error.message}: {error.trouble.what}" if error.trouble else error.message
        if problem != self._last_problem:
            _log.warning("the language model cannot be used", problem=problem, url=self._address.shown)
        self._last_problem = problem


def _is_near(peer: Any) -> bool:
    """Whether a connection leads to this machine or into a private network."""
    try:
        return ipaddress.ip_address(peer[0]).is_private
    except (ValueError, TypeError, IndexError):
        return False
