"""What the processes of a running mesh tell Prometheus."""

import asyncio
from collections.abc import Mapping
from typing import TypeAlias

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.e2e.mesh import Mesh

LIMIT_S = 20.0

PORTS = {"orchestrator": 9151, "stt-proxy": 9152, "tts-proxy": 9153, "voice-service": 9154}

GAUGES = {
    "edge": ["worker_active_sessions"],
    "orchestrator": ["parley_conversations_active", "worker_vllm_active_sessions"],
    "stt-proxy": ["worker_stt_active_sessions", "parley_stt_leases"],
    "tts-proxy": ["worker_tts_active_sessions", "parley_tts_leases"],
}
"""Those that are 0 when nobody talks."""


class Family:
    """One metric of one process, named as in the exposition."""

    def __init__(self, name: str, kind: str, samples: list[Sample]) -> None:
        self.name = f"{name}_total" if kind == "counter" else name
        self.kind = kind
        self.samples = samples

    @property
    def buckets(self) -> tuple[float, ...]:
        """The upper bounds of a histogram, but for the last, which has none; with labels, those of the first series."""
        bounds = [float(sample.labels["le"]) for sample in self.samples if sample.name.endswith("_bucket")]
        return tuple(bounds[: bounds.index(float("inf"))]) if bounds else ()

    @property
    def labels(self) -> set[str]:
        """The names of its labels."""
        return {label for sample in self.samples for label in sample.labels} - {"le"}

    @property
    def count(self) -> float:
        """What it has counted: a gauge's and a counter's value, or how many were observed; of all series together."""
        wanted = self.name if self.kind in ("counter", "gauge") else f"{self.name}_count"
        return sum(sample.value for sample in self.samples if sample.name == wanted)


Scrape: TypeAlias = Mapping[str, Mapping[str, Family]]
"""By process and name."""


async def scrape(mesh: Mesh) -> Scrape:
    """Ask every process."""
    urls = {name: f"http://127.0.0.1:{mesh.metrics(port)}/metrics" for name, port in PORTS.items()}
    async with httpx2.AsyncClient(trust_env=False) as http:
        texts = {name: (await http.get(url)).text for name, url in {"edge": f"{mesh.http}/metrics", **urls}.items()}
    return {process: _families(text) for process, text in texts.items()}


async def until_nobody_talks(mesh: Mesh) -> None:
    """Wait until every gauge of what goes on is back at 0."""
    left: dict[str, float] = {}
    try:
        async with asyncio.timeout(LIMIT_S):
            while left := {name: value for name, value in _going_on(await scrape(mesh)).items() if value}:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise AssertionError(f"still going on: {left}") from None


def _going_on(told: Scrape) -> dict[str, float]:
    return {name: told[process][name].count for process, names in GAUGES.items() for name in names}


def _families(text: str) -> Mapping[str, Family]:
    """All but what is the same in every process: its version, and what the Python client adds."""
    families = (Family(each.name, each.type, each.samples) for each in text_string_to_metric_families(text))
    return {
        family.name: family
        for family in families
        if not family.name.startswith(("process_", "python_", "parley_build_")) and not family.name.endswith("_created")
    }
