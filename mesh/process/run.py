"""Runs a process of the mesh. Every process starts and fails in the same way, however it was started."""

import os
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, overload

import structlog
import uvloop

from mesh.discovery.addresses import BadTarget
from mesh.engines.extras import MissingExtra
from mesh.engines.plugins import Choice, EngineGroup, EngineUnavailable
from mesh.errors import MeshError
from mesh.process import logs
from mesh.process.ports import PortTaken
from mesh.settings import ServiceSettings, SettingError, load, read

S = TypeVar("S", bound=ServiceSettings)
E = TypeVar("E")

FAILED = 1
"""The exit code of a process that cannot start."""
MISSING_PACKAGES = os.EX_CONFIG
"""The exit code where packages are missing (78): starting the process again will not help."""

log = structlog.get_logger()


class CannotStart(Exception):
    """Something keeps a process from starting. `facts` go into the log beside the message."""

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.facts = facts


@overload
def run_process(name: str, settings_type: type[S], serve: Callable[[S], Coroutine[Any, Any, None]]) -> None: ...
@overload
def run_process(
    name: str,
    settings_type: type[S],
    serve: Callable[[S, Choice[E]], Coroutine[Any, Any, None]],
    *,
    engines: EngineGroup[E],
) -> None: ...
def run_process(
    name: str,
    settings_type: type[S],
    serve: Callable[..., Coroutine[Any, Any, None]],
    *,
    engines: EngineGroup[Any] | None = None,
) -> None:
    """Read the settings from the environment, set up the log, and run `serve` on uvloop until it ends.

    `name` is the one in the log: "stt_proxy". With `engines`, one of them is chosen and handed to `serve` as well.
    Settings that do not fit are printed to standard error, a line each, since the log is not set up yet; the exit code
    is `FAILED`. What else keeps the process from starting: see `run`.
    """
    readings = read(settings_type, os.environ)
    faults = [each.fault for each in readings if each.fault]
    if engines is not None:
        faults += [fault for fault in engines.faults(os.environ) if fault not in faults]
    if faults:
        listed = f"Every setting is listed by: parley config {name.replace('_', '-')}"
        sys.stderr.write("\n".join([f"Error: {faults[0]}", *faults[1:], listed, ""]))
        raise SystemExit(FAILED)
    settings = load(settings_type, os.environ)
    logs.configure(name, settings.log_level, settings.log_format)
    if engines is not None:
        readings += [reading for each in engines.readings(os.environ).values() for reading in each]
    for told in dict.fromkeys(each.renamed for each in readings if each.renamed):
        log.warning("a setting has a new name", hint=told)

    async def main() -> None:
        if engines is None:
            await serve(settings)
        else:
            await serve(settings, _chosen(engines))

    run(main())


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on uvloop. What keeps it from starting is one line in the log, and an exit code.

    The code is `MISSING_PACKAGES` for `MissingExtra`; it is `FAILED` for `CannotStart`, a taken port, a target that is
    no address, an engine that cannot run here, a setting that only the engine can judge, and any `MeshError`.
    """
    try:
        uvloop.run(main)
    except MissingExtra as error:
        log.error(str(error))  # noqa: TRY400 - the trace would add nothing
        raise SystemExit(MISSING_PACKAGES) from None
    except MeshError as error:
        log.error(error.message, **({"cause": error.cause()} if error.cause() else {}))  # noqa: TRY400 - as above
        raise SystemExit(FAILED) from None
    except CannotStart as error:
        log.error(str(error), **error.facts)  # noqa: TRY400 - as above
        raise SystemExit(FAILED) from None
    except (PortTaken, BadTarget, SettingError, EngineUnavailable) as error:
        log.error(str(error))  # noqa: TRY400 - as above
        raise SystemExit(FAILED) from None


def _chosen(engines: EngineGroup[E]) -> Choice[E]:
    """Choose the engine and log the choice. It may read files, and blocks meanwhile."""
    choice = engines.choose(os.environ)
    log.info("engine chosen", engine=choice.plugin.name, why=choice.why)
    for missed in choice.missed:
        log.warning("a better engine cannot run here", engine=missed)
    return choice
