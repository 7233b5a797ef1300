"""The engines that the processes of a mesh on this machine would run."""

from collections.abc import Iterator, Mapping
from typing import Any

from launcher.failure import Failure, MissingPackages
from launcher.processes import PROCESSES
from mesh.engines.extras import MissingExtra
from mesh.engines.plugins import Choice, EngineGroup, EngineUnavailable


def groups() -> Iterator[EngineGroup[Any]]:
    """Every kind of engine, in the order of the processes."""
    return (process.engines for process in PROCESSES if process.engines is not None)


def chosen(environ: Mapping[str, str]) -> list[tuple[EngineGroup[Any], Choice[Any]]]:
    """The engine of each kind that `environ` leads to.

    Raises `MissingPackages` or another `Failure`, with a line for each engine that cannot run, and
    `mesh.settings.SettingError`.
    """
    found: list[tuple[EngineGroup[Any], Choice[Any]]] = []
    missing: list[str] = []
    unavailable: list[str] = []
    for group in groups():
        try:
            found.append((group, group.choose(environ)))
        except MissingExtra as error:
            missing.append(str(error))
        except EngineUnavailable as error:
            unavailable.append(f"{group.what}: {error}")
    if missing:
        raise MissingPackages("\n       ".join([*missing, *unavailable]))
    if unavailable:
        raise Failure("\n       ".join(unavailable))
    return found
