"""What real processes tell a real Prometheus, after conversations with a barge-in, refusals and failures."""

import math

import pytest

from tests.e2e.mesh import Mesh
from tests.metrics.contract import LABELS, ROWS
from tests.metrics.day import people_vanish
from tests.metrics.engines import Engines
from tests.metrics.exposed import exposed
from tests.metrics.monitoring import alert_queries, alerts, dashboard_queries
from tests.metrics.prometheus import Prometheus, needs_prometheus
from tests.metrics.scrape import scrape, until_nobody_talks

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(180),
]


@pytest.mark.unmute("S12", "C13")
async def test_every_metric_is_there_and_has_counted(evening: Mesh) -> None:
    told = await scrape(evening)
    for row in ROWS:
        if not exposed(row.process):
            continue
        family = told[row.process][row.name]
        assert (family.kind, family.buckets) == (row.kind, row.buckets), row
        assert family.labels == set(LABELS.get(row.name, ())), row
        assert (family.count == 0) if row.kind == "gauge" else (family.count > 0), row
        assert sum(row.name in families for families in told.values()) == 1, row


async def test_what_is_documented_is_there_and_has_counted(evening: Mesh) -> None:
    """Our own too, and nothing else."""
    told = await scrape(evening)
    for process, families in told.items():
        documented = exposed(process)
        assert families.keys() == {metric.name for metric in documented}
        idle = {metric.name for metric in documented if metric.kind != "gauge" and not families[metric.name].count}
        assert not idle, process


@pytest.mark.unmute("B2", "B26")
async def test_gauges_return_to_zero_though_people_vanish_in_every_phase(evening: Mesh, engines: Engines) -> None:
    before = await scrape(evening)
    await people_vanish(evening, engines)
    await until_nobody_talks(evening)
    after = await scrape(evening)
    begun, ended = (
        after["edge"][name].count - before["edge"][name].count
        for name in ("worker_sessions_total", "worker_session_duration")
    )
    assert begun == ended > 0
    assert after["edge"]["worker_hard_errors_total"].count == before["edge"]["worker_hard_errors_total"].count


class TestPrometheus:
    pytestmark = needs_prometheus

    @pytest.mark.parametrize("job", ["edge", "orchestrator", "stt-proxy", "tts-proxy", "voice-service"])
    def test_it_scrapes_every_process(self, prometheus: Prometheus, job: str) -> None:
        assert prometheus.query(f'up{{job="{job}"}}') == [1]

    def test_every_query_of_the_dashboard_has_an_answer(self, prometheus: Prometheus) -> None:
        unanswered = [query for query in dashboard_queries() if not _numbers(prometheus.query(query))]
        assert not unanswered

    def test_what_every_alert_looks_at_is_there(self, prometheus: Prometheus) -> None:
        unanswered = [query for query in alert_queries() if not _numbers(prometheus.query(query))]
        assert not unanswered

    def test_every_alert_is_watched(self, prometheus: Prometheus) -> None:
        for expression in alerts().values():
            prometheus.query(expression)

    def test_a_sum_over_all_processes_is_what_has_happened(self, prometheus: Prometheus) -> None:
        """Also of names that several processes might have."""
        assert prometheus.query("count(count by (job) (worker_sessions_total))") == [1]
        assert prometheus.query("sum(worker_service_misses_total)") == prometheus.query(
            "sum(worker_stt_misses_total) + sum(worker_tts_misses_total)"
        )


def _numbers(values: list[float]) -> list[float]:
    return [value for value in values if math.isfinite(value)]
