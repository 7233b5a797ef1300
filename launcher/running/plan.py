"""A whole mesh on one machine, worked out before anything is started: ports, environments, commands."""

import os
import secrets
import sys
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from launcher.processes import EDGE, ORCHESTRATOR, RESPONDER, STT_PROXY, TTS_PROXY, VOICE_SERVICE, Process
from launcher.running.language_model import LanguageModel
from launcher.running.ports import PortWanted
from launcher.running.probes import grpc_serving, http_json, listens
from launcher.running.supervise import Child
from mesh.discovery.addresses import HostPort
from mesh.process.ports import authority
from mesh.settings import ServiceSettings, load

# Conversations end at the edge first, then at the orchestrator, while what they need is still there.
_TIERS = {EDGE: 2, ORCHESTRATOR: 1}

_REPLICA_PORTS = 10
"""How far apart the ports of replicas are."""

_EDGE_METRICS_PORT = 9150
"""Where the first of several edges has its metrics, unless its settings say."""

REPLICATED = (EDGE, ORCHESTRATOR, STT_PROXY, TTS_PROXY)
"""The processes of which there may be several on one machine."""

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
    replicas: Mapping[Process, int] | None = None,
) -> Plan:
    """Work a mesh out. Settings come from `environ` first; every port but the edge's is moved by `port_offset`.

    `replicas` is how many there are of a kind, one unless it says. Each has ports of its own, `_REPLICA_PORTS` apart,
    but edges share theirs.

    `drain_limit_s` goes before the processes' own settings; None: what these say, or `DRAIN_LIMIT_S`.

    Raises `mesh.settings.SettingError` when the environment does not fit.
    """
    processes = [STT_PROXY, TTS_PROXY, VOICE_SERVICE, ORCHESTRATOR, EDGE]
    if llm is None:
        processes.insert(0, RESPONDER)
    counts = dict.fromkeys(processes, 1) | dict(replicas or {})
    settings = {
        process: _replicated(process, _settings(process, environ, edge_port, port_offset), port_offset, counts[process])
        for process in processes
    }
    addresses = {
        process: ",".join(authority(each.host, each.port) for each in several) for process, several in settings.items()
    }
    links, keys = _links(addresses, llm), _key(environ)
    drain_limits = {
        process: _drain_limit(process, several[0].drain_limit_s, environ, drain_limit_s)
        for process, several in settings.items()
    }
    return Plan(
        children=[
            _child(
                process,
                number,
                each,
                environ,
                drain_limit_s=drain_limits[process],
                **links.get(process, {}),
                **keys.get(process, {}),
                **({"share_port": True} if process is EDGE and counts[EDGE] > 1 else {}),
            )
            for process in processes
            for number, each in enumerate(settings[process])
        ],
        ports=[
            port
            for process in processes
            for number, each in enumerate(settings[process])
            for port in _ports(process, number, each)
        ],
        edge=HostPort(settings[EDGE][0].host, settings[EDGE][0].port),
        orchestrator=HostPort(settings[ORCHESTRATOR][0].host, settings[ORCHESTRATOR][0].port),
        llm=llm,
        drain_limit_s=max(drain_limits.values()),
    )


def _drain_limit(process: Process, own: float, environ: Mapping[str, str], given: float | None) -> float:
    if given is not None:
        return given
    return own if process.is_set("drain_limit_s", environ) else DRAIN_LIMIT_S


def _child(process: Process, number: int, settings: ServiceSettings, environ: Mapping[str, str], **told: Any) -> Child:
    """Replica `number` of the process, from 0, as a child with these settings, and those it is `told`."""
    variables = process.variables(port=settings.port, metrics_port=settings.metrics_port, **told)
    return Child(
        name=_name(process, number),
        command=(sys.executable, "-P", "-m", "launcher.running.child", str(os.getpid()), process.main),
        environ={**environ, **variables, **_PYTHON},
        ready=_ready(process, settings, shares_port="share_port" in told),
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


def _replicated(process: Process, first: ServiceSettings, port_offset: int, count: int) -> list[ServiceSettings]:
    """The settings of each replica."""
    if count == 1:
        return [first]
    if process is EDGE:
        # What is asked at the shared port is answered by any of them, so metrics need ports of their own.
        metrics_port = first.metrics_port or _EDGE_METRICS_PORT + port_offset
        return [
            msgspec.structs.replace(first, metrics_port=metrics_port + _REPLICA_PORTS * number)
            for number in range(count)
        ]
    return [
        msgspec.structs.replace(
            first,
            port=first.port + _REPLICA_PORTS * number,
            metrics_port=first.metrics_port + _REPLICA_PORTS * number if first.metrics_port else 0,
        )
        for number in range(count)
    ]


def _name(process: Process, number: int) -> str:
    return f"{process.name}-{number + 1}" if number else process.name


def _links(addresses: Mapping[Process, str], llm: LanguageModel | None) -> dict[Process, dict[str, Any]]:
    """The settings by which the processes of this mesh find each other."""
    return {
        EDGE: {
            "orchestrator_target": addresses[ORCHESTRATOR],
            "voices_target": addresses[VOICE_SERVICE],
        },
        TTS_PROXY: {"voices_target": addresses[VOICE_SERVICE]},
        VOICE_SERVICE: {"tts_target": addresses[TTS_PROXY]},
        ORCHESTRATOR: {
            "stt_target": addresses[STT_PROXY],
            "tts_target": addresses[TTS_PROXY],
            "llm_url": llm.url if llm else f"http://{addresses[RESPONDER]}",
            "llm_model": llm.model if llm else None,
        },
    }


def _key(environ: Mapping[str, str]) -> dict[Process, dict[str, str]]:
    """A key for checkpoints, new in every mesh, so that any orchestrator of it resumes the conversations of any."""
    if ORCHESTRATOR.is_set("checkpoint_key", environ):
        return {}
    return {ORCHESTRATOR: {"checkpoint_key": secrets.token_hex(16)}}


def _ports(process: Process, number: int, settings: ServiceSettings) -> list[PortWanted]:
    name = _name(process, number)
    wanted = []
    if process is not EDGE:
        wanted.append(PortWanted(settings.host, settings.port, f"the {name}", "--port-offset"))
    elif number == 0:
        # Which further edges share.
        wanted.append(PortWanted(settings.host, settings.port, f"the {name}", "--port"))
    if settings.metrics_port:
        wanted.append(PortWanted(settings.host, settings.metrics_port, f"the {name}'s metrics", "--port-offset"))
    return wanted


def _ready(process: Process, settings: ServiceSettings, *, shares_port: bool) -> Callable[[], Awaitable[bool]]:
    async def edge_sees_the_mesh() -> bool:
        # Any edge may answer at a port that is shared.
        if shares_port and not await listens(settings.host, settings.metrics_port):
            return False
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
