"""A whole mesh on one machine, worked out before anything is started: ports, environments, commands."""

import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from launcher.processes import EDGE, ORCHESTRATOR, RESPONDER, STT_PROXY, TTS_PROXY, VOICE_SERVICE, Process
from launcher.running.language_model import LanguageModel
from launcher.running.ports import PortWanted
from launcher.running.probes import grpc_serving, http_json
from launcher.running.supervise import Child
from mesh.discovery.addresses import HostPort
from mesh.process.ports import authority
from mesh.settings import ServiceSettings, load

# Conversations end at the edge first, then at the orchestrator, while what they need is still there.
_TIERS = {EDGE: 2, ORCHESTRATOR: 1}

DRAIN_LIMIT_S = 5.0
"""How long live streams may go on where nobody says otherwise: whoever ends a mesh in a terminal waits for it."""

_PYTHON = {
    # A line that waits in a buffer is no live log.
    "PYTHONUNBUFFERED": "1",
    # Files of the directory that the command was typed in are never imported, nor by what a process starts itself.
    "PYTHONSAFEPATH": "1",
}


class Plan(NamedTuple):
    """What will run. `llm` is None for the built-in responder."""

    children: list[Child]
    ports: list[PortWanted]
    edge: HostPort
    orchestrator: HostPort
    llm: LanguageModel | None
    drain_limit_s: float
    """The longest of the processes' drain limits."""


def plan(
    environ: Mapping[str, str],
    *,
    edge_port: int | None,
    port_offset: int,
    drain_limit_s: float | None,
    llm: LanguageModel | None,
) -> Plan:
    """Work a mesh out. Settings come from `environ` first; every port but the edge's is moved by `port_offset`.

    `drain_limit_s` goes before the processes' own settings; None: what these say, or `DRAIN_LIMIT_S`.

    Raises `mesh.settings.SettingError` when the environment does not fit.
    """
    processes = [STT_PROXY, TTS_PROXY, VOICE_SERVICE, ORCHESTRATOR, EDGE]
    if llm is None:
        processes.insert(0, RESPONDER)
    settings = {process: _settings(process, environ, edge_port, port_offset) for process in processes}
    addresses = {process: HostPort(each.host, each.port) for process, each in settings.items()}
    links = _links(addresses, llm)
    drain_limits = {
        process: _drain_limit(process, each.drain_limit_s, environ, drain_limit_s) for process, each in settings.items()
    }
    return Plan(
        children=[
            _child(
                process,
                settings[process],
                environ,
                drain_limit_s=drain_limits[process],
                **links.get(process, {}),
                **_key(process, environ),
            )
            for process in processes
        ],
        ports=[port for process in processes for port in _ports(process, settings[process])],
        edge=addresses[EDGE],
        orchestrator=addresses[ORCHESTRATOR],
        llm=llm,
        drain_limit_s=max(drain_limits.values()),
    )


def _drain_limit(process: Process, own: float, environ: Mapping[str, str], given: float | None) -> float:
    if given is not None:
        return given
    return own if process.is_set("drain_limit_s", environ) else DRAIN_LIMIT_S


def _child(process: Process, settings: ServiceSettings, environ: Mapping[str, str], **told: Any) -> Child:
    """The process as a child with these settings, and those it is `told`."""
    variables = process.variables(port=settings.port, metrics_port=settings.metrics_port, **told)
    return Child(
        name=process.name,
        command=(sys.executable, "-P", "-m", "launcher.running.child", str(os.getpid()), process.main),
        environ={**environ, **variables, **_PYTHON},
        ready=_ready(process, settings),
        tier=_TIERS.get(process, 0),
    )


def _settings(process: Process, environ: Mapping[str, str], edge_port: int | None, port_offset: int) -> ServiceSettings:
    told = load(process.settings_type, environ, port=edge_port if process is EDGE else None)
    if process is EDGE:
        return told
    return load(
        process.settings_type,
        environ,
        port=told.port + port_offset,
        metrics_port=told.metrics_port + port_offset if told.metrics_port else None,
    )


def _links(addresses: Mapping[Process, HostPort], llm: LanguageModel | None) -> dict[Process, dict[str, Any]]:
    """The settings by which the processes of this mesh find each other."""
    return {
        EDGE: {
            "orchestrator_target": authority(*addresses[ORCHESTRATOR]),
            "voices_target": authority(*addresses[VOICE_SERVICE]),
        },
        TTS_PROXY: {"voices_target": authority(*addresses[VOICE_SERVICE])},
        VOICE_SERVICE: {"tts_target": authority(*addresses[TTS_PROXY])},
        ORCHESTRATOR: {
            "stt_target": authority(*addresses[STT_PROXY]),
            "tts_target": authority(*addresses[TTS_PROXY]),
            "llm_url": llm.url if llm else f"http://{authority(*addresses[RESPONDER])}",
            "llm_model": llm.model if llm else None,
        },
    }


def _key(process: Process, environ: Mapping[str, str]) -> dict[str, str]:
    """A key for checkpoints, new in every mesh, so that an orchestrator that restarts resumes its conversations."""
    if process is not ORCHESTRATOR or process.is_set("checkpoint_key", environ):
        return {}
    return {"checkpoint_key": secrets.token_hex(16)}


def _ports(process: Process, settings: ServiceSettings) -> list[PortWanted]:
    remedy = "--port" if process is EDGE else "--port-offset"
    wanted = [PortWanted(settings.host, settings.port, f"the {process.name}", remedy)]
    if settings.metrics_port:
        wanted.append(
            PortWanted(settings.host, settings.metrics_port, f"the {process.name}'s metrics", "--port-offset")
        )
    return wanted


def _ready(process: Process, settings: ServiceSettings) -> Callable[[], Awaitable[bool]]:
    async def edge_sees_the_mesh() -> bool:
        match await http_json(settings.host, settings.port, "/v1/health"):
            case {"stt_up": True, "tts_up": True}:
                return True
            case _:
                return False

    async def lists_models() -> bool:
        return await http_json(settings.host, settings.port, "/v1/models") is not None

    async def serves() -> bool:
        return await grpc_serving(authority(settings.host, settings.port))

    return {EDGE: edge_sees_the_mesh, RESPONDER: lists_models}.get(process, serves)
