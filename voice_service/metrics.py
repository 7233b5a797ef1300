"""What the voice service knows, for Prometheus, under the names Unmute's dashboards use."""

from prometheus_client import REGISTRY, CollectorRegistry, Counter


class Metrics:
    """One process's metrics. Tests give each instance a registry of its own."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._donations = Counter(
            "worker_voice_donation_submissions", "Voice donations that were kept.", registry=registry
        )

    def donation_kept(self) -> None:
        """Count a donation."""
        self._donations.inc()
