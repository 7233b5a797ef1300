"""The leases on engines' slots, for Prometheus.

Unmute's names of a search (`worker_stt_find_time` and its like) are the orchestrator's: a person waits for all of that.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from mesh.engines.upstreams import Health, LeaseMeter

_SECONDS_TO_ANSWER = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2)


class LeaseMetrics(LeaseMeter):
    """What one process knows of its leases; `service` is "stt" or "tts". Tests give each instance a registry."""

    def __init__(self, service: str, most_leases: int, registry: CollectorRegistry = REGISTRY) -> None:
        def gauge(name: str, meaning: str) -> Gauge:
            return Gauge(f"parley_{service}_{name}", meaning, registry=registry)

        def histogram(name: str, meaning: str) -> Histogram:
            return Histogram(f"parley_{service}_{name}", meaning, buckets=_SECONDS_TO_ANSWER, registry=registry)

        self._leases = gauge("leases", "Slots of engines held, or being asked for.")
        self._peak = gauge("leases_peak", "The most that were held at once.")
        gauge("leases_limit", "The most that may be held at once.").set(most_leases)
        self._answering = gauge("engines_answering", "Engines that answered when asked last.")
        self._used = gauge("engine_slots_used", "Slots in use by anybody, of all engines that tell.")
        self._total = gauge("engine_slots", "Slots of all engines that tell.")
        self._find = histogram("engine_search_seconds", "Seconds to find an engine with room, or that there is none.")
        self._ping = histogram("engine_try_seconds", "Seconds one engine took to be ready, or to refuse.")
        self._refused = Counter(f"parley_{service}_engine_refusals", "Tries at a full engine.", registry=registry)
        self._failed = Counter(f"parley_{service}_engine_failures", "Tries that failed.", registry=registry)
        self._held = 0
        self._most_held = 0

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Count a lease while it is held."""
        self._held += 1
        self._most_held = max(self._most_held, self._held)
        self._peak.set(self._most_held)
        with self._leases.track_inprogress():
            try:
                yield
            finally:
                self._held -= 1

    def ended(self, seconds: float) -> None:
        """Time a search, however it ended."""
        self._find.observe(seconds)

    def tried(self, seconds: float) -> None:
        """Time a try, however it ended."""
        self._ping.observe(seconds)

    def refused(self, seconds: float) -> None:  # noqa: ARG002 - `tried` times it
        """Count a full engine."""
        self._refused.inc()

    def failed(self) -> None:
        """Count an engine that took no stream for another reason."""
        self._failed.inc()

    def probed(self, health: Sequence[Health]) -> None:
        """Show what the last probes found."""
        reported = [each.slots for each in health if each.slots is not None]
        self._answering.set(sum(each.serving for each in health))
        self._used.set(sum(used for used, _ in reported))
        self._total.set(sum(total for _, total in reported))
