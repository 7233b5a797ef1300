"""What each process exposes, taken from the code that does it."""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.metrics import MetricWrapperBase
from starlette.applications import Starlette

from edge.metrics import EdgeMetrics, HttpMetrics
from mesh.engines.lease_metrics import LeaseMetrics
from orchestrator.metrics import Metrics as OrchestratorMetrics
from stt_proxy.metrics import Metrics as SttMetrics
from tts_proxy.metrics import Metrics as TtsMetrics


class Exposed(NamedTuple):
    """One metric, named as in the exposition. `buckets` are upper bounds without the last, which is none."""

    name: str
    kind: str
    tells: str
    labels: tuple[str, ...]
    buckets: tuple[float, ...]


def _edge(registry: CollectorRegistry) -> None:
    EdgeMetrics(registry)
    HttpMetrics(Starlette(), registry)


def _stt_proxy(registry: CollectorRegistry) -> None:
    SttMetrics(registry)
    LeaseMetrics("stt", 1, registry)


def _tts_proxy(registry: CollectorRegistry) -> None:
    TtsMetrics(registry)
    LeaseMetrics("tts", 1, registry)


def _voice_service(registry: CollectorRegistry) -> None:
    if find_spec("voice_service.metrics"):
        import_module("voice_service.metrics").Metrics(registry)


PROCESSES: Mapping[str, Callable[[CollectorRegistry], object]] = {
    "edge": _edge,
    "orchestrator": OrchestratorMetrics,
    "stt-proxy": _stt_proxy,
    "tts-proxy": _tts_proxy,
    "voice-service": _voice_service,
}
"""By name, what registers all that the process counts."""


def exposed(process: str) -> list[Exposed]:
    """What the process exposes, in the order of its code."""
    registry = CollectorRegistry()
    PROCESSES[process](registry)
    return list(_metrics(registry))


def _metrics(registry: CollectorRegistry) -> Iterator[Exposed]:
    for collector in registry._collector_to_names:
        assert isinstance(collector, MetricWrapperBase)
        assert collector._type
        name = f"{collector._name}_total" if collector._type == "counter" else collector._name
        bounds = tuple(collector._upper_bounds[:-1]) if isinstance(collector, Histogram) else ()
        yield Exposed(name, collector._type, collector._documentation, collector._labelnames, bounds)
