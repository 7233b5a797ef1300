"""Three real proxies of a kind under one name: processes at 127.0.0.2, .3 and .4 on one port."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass

from mesh.discovery.search import Replicas, SearchMeter

HOSTS = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
LIMIT_S = 60.0


@dataclass(frozen=True)
class Proxy:
    """One of them."""

    address: str
    process: asyncio.subprocess.Process

    def kill(self) -> None:
        self.process.kill()

    def drain(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.process.send_signal(signal.SIGCONT)


class Tally(SearchMeter):
    """What the searches have cost."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.failures = 0
        self.refusals = 0

    def found(self, seconds: float) -> None:
        self.times.append(seconds)

    def refused(self, seconds: float) -> None:
        self.refusals += seconds < LIMIT_S

    def failed(self) -> None:
        self.failures += 1


@asynccontextmanager
async def three(module: str, prefix: str, **settings: int) -> AsyncIterator[tuple[Replicas, list[Proxy], Tally]]:
    """Run three of `module`, whose settings begin with `prefix`, until all of them serve; and follow them."""
    port = _free_port()
    tally = Tally()
    async with AsyncExitStack() as exits:
        proxies = [
            await exits.enter_async_context(_running(module, prefix, host, {**settings, "PORT": port}))
            for host in HOSTS
        ]
        replicas = await exits.enter_async_context(Replicas("proxy", f"proxy:{port}", lookup=_lookup, meter=tally))
        await until_serving(replicas, *proxies)
        yield replicas, proxies, tally


async def until_serving(replicas: Replicas, *proxies: Proxy) -> None:
    """Wait until exactly these are known to serve."""
    async with asyncio.timeout(LIMIT_S):
        while {each.address for each in replicas.reachable if each.serving} != {each.address for each in proxies}:
            await replicas.finder.changed()


async def _lookup(_name: str) -> list[str]:
    return list(HOSTS)


@asynccontextmanager
async def _running(module: str, prefix: str, host: str, settings: dict[str, int]) -> AsyncIterator[Proxy]:
    told = {f"{prefix}{name}": str(value) for name, value in {**settings, "METRICS_PORT": 0}.items()}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module),
        env={**os.environ, **told, f"{prefix}HOST": host},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield Proxy(f"{host}:{settings['PORT']}", process)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()


def _free_port() -> int:
    """A port that is free on all three addresses."""
    while True:
        with ExitStack() as probes:
            first = probes.enter_context(socket.create_server((HOSTS[0], 0)))
            port: int = first.getsockname()[1]
            try:
                for host in HOSTS[1:]:
                    probes.enter_context(socket.create_server((host, port)))
            except OSError:
                continue
            return port
