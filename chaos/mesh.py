"""A mesh of real processes on this machine, in front of stand-ins for the engines, each replica behind its own link."""

import asyncio
import os
import random
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from chaos.engines import EngineConfig
from chaos.members import HOST, Member, Victim
from launcher.failure import Failure
from launcher.processes import EDGE, ORCHESTRATOR, STT_PROXY, TTS_PROXY, VOICE_SERVICE, Process
from launcher.running.probes import http_json
from launcher.running.process import started
from mesh.process.ports import PortTaken, raise_why_not
from mesh.tasks import beside
from standins.stt.options import SttOptions
from standins.wire import FRAME_S

REPLY = "Alpha bravo charlie delta echo foxtrot, golf hotel india juliett kilo lima."
"""What the language model answers: words that differ, so a gap and a repetition show."""

RESTART_ALONE_S = 0.6
"""From the end of the only process of a kind until it is started again, unless the plan says less."""

_READY_LIMIT_S = 120.0
_PROBED_EVERY_S = 0.2
_PORTS = range(11_000, 32_000)
"""Below those that the kernel gives to outgoing connections, one of which could take the port of a dead process."""

_PROCESSES: Mapping[Victim, Process] = {
    Victim.STT_PROXY: STT_PROXY,
    Victim.TTS_PROXY: TTS_PROXY,
    Victim.VOICE_SERVICE: VOICE_SERVICE,
    Victim.ORCHESTRATOR: ORCHESTRATOR,
    Victim.EDGE: EDGE,
}
_PYTHON = {"PYTHONUNBUFFERED": "1", "PYTHONSAFEPATH": "1"}


class MeshPlan(NamedTuple):
    """How large the mesh is, and how its engines behave. Times are in seconds."""

    replicas: int = 2
    """Of each kind, but for the voice service, of which there is one, and the language model."""
    models: int = 1
    """Language models: the first is asked, the others only where it fails."""
    restart_s: float = 3.0
    """From a process's end until it is started again."""
    drain_limit_s: float = 10.0
    first_token_s: float = 1.5
    """How long the language model thinks, so a fault can strike meanwhile."""
    tokens_per_s: float = 8.0
    """So slow that the model still writes while the beginning of its reply is heard."""
    links: bool = True
    """Whether each replica is behind a TCP proxy of its own, for faults of the network."""
    settings: Mapping[str, str] = {}
    """More environment variables for every process."""

    def count(self, victim: Victim) -> int:
        """How many replicas of a kind there are."""
        return {Victim.VOICE_SERVICE: 1, Victim.LLM: self.models}.get(victim, self.replicas)

    def restart_of(self, victim: Victim) -> float:
        """When a process of this kind is started again: sooner where no other replica serves meanwhile."""
        return self.restart_s if self.count(victim) > 1 else min(self.restart_s, RESTART_ALONE_S)


class ChaosMesh:
    """All of it, running."""

    def __init__(self, plan: MeshPlan, members: Sequence[Member]) -> None:
        self.plan = plan
        self.members = members
        self.checkpoint_key = secrets.token_hex(16)
        """Every orchestrator goes on with the conversations of every other."""
        self.redis_url: str | None = None
        """The store by which clients of one edge go on at another; None: this machine has no Redis."""

    def replicas(self, victim: Victim) -> list[Member]:
        """The replicas of a kind."""
        return [member for member in self.members if member.victim is victim]

    @property
    def edges(self) -> list[str]:
        """The WebSocket addresses of all edges, through their links."""
        return [f"ws://{member.link.address}/v1/converse" for member in self.replicas(Victim.EDGE)]

    def edges_from(self, number: int) -> list[str]:
        """The same, beginning with another one for each number."""
        first = number % len(self.edges)
        return [*self.edges[first:], *self.edges[:first]]

    async def until_whole(self, within_s: float = _READY_LIMIT_S) -> None:
        """Wait until every process serves, and every edge reports that all it needs does. Raises `Failure`."""
        try:
            async with asyncio.timeout(within_s):
                for member in self.members:
                    await member.ready.wait()
                for edge in self.replicas(Victim.EDGE):
                    while not await self._is_well(edge):  # noqa: ASYNC110 - another process sets no event
                        await asyncio.sleep(_PROBED_EVERY_S)
        except TimeoutError:
            raise Failure(self._why_not_whole(within_s)) from None

    def keep_logs(self, folder: Path) -> None:
        """Write the last lines of every process into a file of this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for member in self.members:
            (folder / f"{member.name}.log").write_text("\n".join([*member.lines, ""]), encoding="utf-8")

    @staticmethod
    async def _is_well(edge: Member) -> bool:
        health = await http_json(HOST, edge.link.port, "/v1/health", timeout_s=3.0)
        return bool(health) and all(health.get(name) for name in ("stt_up", "tts_up", "llm_up"))

    def _why_not_whole(self, within_s: float) -> str:
        missing = [member for member in self.members if not member.ready.is_set()] or self.replicas(Victim.EDGE)
        lines = [f"the mesh was not ready within {within_s:g} s: {', '.join(member.name for member in missing)}"]
        for member in missing:
            lines += [f"  {member.name}: {line}" for line in list(member.lines)[-3:]]
        return "\n".join(lines)


@asynccontextmanager
async def running_mesh(plan: MeshPlan) -> AsyncIterator[ChaosMesh]:
    """Start the mesh and wait until it works; no process is left afterwards. Raises `Failure`."""
    ports = _free_ports()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="parley-chaos-")))
        mesh = ChaosMesh(
            plan,
            [
                Member(victim, number, next(ports), plan.restart_of(victim), folder, links=plan.links)
                for victim in Victim
                for number in range(plan.count(victim))
            ],
        )
        if redis := shutil.which("redis-server"):
            socket = folder / "redis.sock"
            mesh.redis_url = f"unix://{socket}"
            command = (redis, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder))
            await stack.enter_async_context(started(command, os.environ, lambda _: None))
        for member in mesh.members:
            if plan.links:
                # The address is known, and refuses, before anything looks for it.
                member.link.port = next(ports)
            stack.push_async_callback(member.link.close)
        keeping = [member.keep(_command(member), _environ(member, mesh)) for member in mesh.members]
        await stack.enter_async_context(beside(*keeping))
        await mesh.until_whole()
        yield mesh


def _free_ports() -> Iterator[int]:
    """Ports on which nothing listens, each once."""
    ports = list(_PORTS)
    random.shuffle(ports)
    for port in ports:
        try:
            raise_why_not(HOST, port)
        except (PortTaken, OSError):
            continue
        yield port


def _command(member: Member) -> tuple[str, ...]:
    module = "chaos.engines" if member.victim.is_engine else _PROCESSES[member.victim].main
    return (sys.executable, "-P", "-m", "chaos.child", str(os.getpid()), module, str(member.tasks_file))


def _environ(member: Member, mesh: ChaosMesh) -> dict[str, str]:
    plan = mesh.plan
    own = _engine(member, plan).variables() if member.victim.is_engine else _variables(member, mesh)
    return {**os.environ, **own, **plan.settings, **_PYTHON}


def _engine(member: Member, plan: MeshPlan) -> EngineConfig:
    options: dict[str, Any] = {}
    if member.victim is Victim.LLM:
        options = {"replies": [REPLY], "first_token_s": plan.first_token_s, "tokens_per_s": plan.tokens_per_s}
    kind = {Victim.STT_ENGINE: "stt", Victim.TTS_ENGINE: "tts", Victim.LLM: "llm"}[member.victim]
    return EngineConfig(kind=kind, host=HOST, port=member.port, options=options)


def _variables(member: Member, mesh: ChaosMesh) -> dict[str, str]:
    """The settings of one process. It finds all others through their links."""

    def target(victim: Victim) -> str:
        return ",".join(each.link.address for each in mesh.replicas(victim))

    def urls(victim: Victim) -> str:
        return ",".join(f"ws://{each.link.address}" for each in mesh.replicas(victim))

    model, *fallbacks = [f"http://{each.link.address}" for each in mesh.replicas(Victim.LLM)]
    links: dict[Victim, dict[str, Any]] = {
        Victim.STT_PROXY: {"engine": "moshi"},
        Victim.TTS_PROXY: {"engine": "moshi", "voices_target": target(Victim.VOICE_SERVICE)},
        Victim.VOICE_SERVICE: {"tts_target": target(Victim.TTS_PROXY)},
        Victim.ORCHESTRATOR: {
            "stt_target": target(Victim.STT_PROXY),
            "tts_target": target(Victim.TTS_PROXY),
            "llm_url": model,
            "llm_model": None,
            "llm_fallback_urls": ",".join(fallbacks),
            "checkpoint_key": mesh.checkpoint_key,
        },
        Victim.EDGE: {
            "orchestrator_target": target(Victim.ORCHESTRATOR),
            "voices_target": target(Victim.VOICE_SERVICE),
            "redis_url": mesh.redis_url,
        },
    }
    return {
        **_PROCESSES[member.victim].variables(
            host=HOST,
            port=member.port,
            metrics_port=0,
            drain_limit_s=mesh.plan.drain_limit_s,
            log_level="info",
            log_format="console",
            **links[member.victim],
        ),
        "KYUTAI_STT_URL": urls(Victim.STT_ENGINE),
        "KYUTAI_TTS_URL": urls(Victim.TTS_ENGINE),
        "PARLEY_STT_MOSHI_URLS": urls(Victim.STT_ENGINE),
        "PARLEY_TTS_MOSHI_URLS": urls(Victim.TTS_ENGINE),
        # The stand-in's: were it another, words would seem to end within their own sound, and be heard again.
        "PARLEY_STT_MOSHI_DELAY_S": str(SttOptions().delay_frames * FRAME_S),
    }
