"""Structured logs on stderr: one line an event, for people or as JSON, from structlog and the standard library alike.

    log = structlog.get_logger()
    log.info("stream admitted", slots_left=3)

Everything logged by a task after `bind_session` carries the session's id.
"""

import asyncio
import io
import logging
import sys
from typing import TextIO

import structlog
from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger

from mesh.text.masking import masked, masked_value

_CHATTY = ("asyncio", "grpc", "httpcore", "httpx", "httpx2", "openai", "websockets")
"""Libraries whose records at "info" and below are about their internals."""

_GRPC = "grpc._cython.cygrpc"


def configure(service: str, level: str = "info", log_format: str = "console") -> None:
    """Set up logging for this process, once, before anything is logged.

    `service` is on every line; `level` is "debug", "info", "warning" or "error"; `log_format` "console" or "json".
    """

    def add_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        return event

    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_service,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    _route_standard_library(shared, level, _renderers(log_format))


def bind_session(session_id: str) -> None:
    """Put the session's id on everything this task, and the tasks it starts from here on, will log."""
    structlog.contextvars.bind_contextvars(session_id=session_id)


class _HangUps(logging.Filter):
    """Makes one line of what gRPC logs with a trace when a peer leaves at an awkward moment."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, changed or not."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            record.levelno, record.levelname = logging.INFO, "INFO"
            record.msg, record.args, record.exc_info = "call ended: the peer has left", (), None
        return True


_HANG_UPS = _HangUps()


def _renderers(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [structlog.processors.format_exc_info, _mask, structlog.processors.JSONRenderer()]
    colours = sys.stderr.isatty()
    return [_mask, structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=_masked_traceback)]


def _mask(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Whatever is logged, the credentials inside a URL are not."""
    return {name: masked_value(value) for name, value in event.items()}


def _masked_traceback(out: TextIO, exc_info: ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, exc_info)
    out.write(masked(text.getvalue()))


def _route_standard_library(shared: list[Processor], level: str, renderers: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        uvicorn = logging.getLogger(name)
        uvicorn.handlers.clear()
        uvicorn.setLevel(logging.NOTSET)
        uvicorn.propagate = True
    logging.getLogger(_GRPC).addFilter(_HANG_UPS)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
