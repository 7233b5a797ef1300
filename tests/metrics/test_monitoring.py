"""The files for Prometheus and Grafana say what is true, as far as that can be told without them."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from launcher.processes import PROCESSES
from mesh.settings import load
from tests.deploy.containers import ROOT, compose
from tests.metrics.exposed import PROCESSES as COUNTING
from tests.metrics.exposed import exposed
from tests.metrics.monitoring import (
    DASHBOARD,
    SCRAPES,
    alert_queries,
    alerts,
    dashboard_queries,
    jobs,
    metrics_in,
    panels,
)
from tests.metrics.prometheus import needs_prometheus

SETTINGS = {process.name: load(process.settings_type, {}) for process in PROCESSES if process.name in COUNTING}
PORTS = {name: settings.metrics_port or settings.port for name, settings in SETTINGS.items()}
COUNTED = {metric.name: metric for process in COUNTING for metric in exposed(process)}


def test_both_files_scrape_every_process() -> None:
    for path in SCRAPES:
        assert jobs(path).keys() == PORTS.keys()


def test_compose_has_them_under_these_names_and_ports() -> None:
    services = compose()["services"]
    for name, job in jobs(SCRAPES[0]).items():
        (discovery,) = job["dns_sd_configs"]
        assert discovery["names"] == [name]
        assert name in services
        assert (discovery["type"], discovery["port"]) == ("A", PORTS[name])


def test_compose_gives_both_programs_their_files() -> None:
    services = compose()["services"]
    mounted = {
        inside.removesuffix(":ro"): ROOT / outside
        for name in ("prometheus", "grafana")
        for outside, inside in (volume.split(":", 1) for volume in services[name]["volumes"])
        if outside.startswith("./")
    }
    assert (mounted["/etc/prometheus"] / SCRAPES[0].name).exists()
    (provider,) = yaml.safe_load((mounted["/etc/grafana/provisioning"] / "dashboards/parley.yml").read_text())[
        "providers"
    ]
    assert mounted[f"{provider['options']['path']}/{DASHBOARD.name}"] == DASHBOARD
    (source,) = yaml.safe_load((mounted["/etc/grafana/provisioning"] / "datasources/parley.yml").read_text())[
        "datasources"
    ]
    assert source["url"] == "http://prometheus:9090"
    for name in ("prometheus", "grafana"):
        assert services[name]["profiles"] == ["monitoring"]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])


def test_one_machine_has_them_on_these_ports() -> None:
    for name, job in jobs(SCRAPES[1]).items():
        (targets,) = job["static_configs"]
        assert targets["targets"] == [f"127.0.0.1:{PORTS[name]}"]


@pytest.mark.parametrize("query", [*dashboard_queries(), *alert_queries()])
def test_what_is_asked_for_is_counted(query: str) -> None:
    for name in metrics_in(query):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        metric = COUNTED.get(name) or COUNTED[base]
        assert name == metric.name or metric.kind in ("histogram", "summary")


def test_the_dashboard_shows_what_an_operator_asks() -> None:
    shown = set().union(*map(metrics_in, dashboard_queries()))
    assert {
        "worker_active_sessions",
        "parley_voice_to_voice_seconds_bucket",
        "worker_vllm_ttft_bucket",
        "parley_tts_first_audio_seconds_bucket",
        "worker_tts_gen_duration_sum",
        "worker_fatal_service_misses_total",
        "worker_stt_misses_total",
        "worker_hard_errors_total",
        "worker_health_ok_sum",
        "http_requests_total",
    } <= shown


def test_panels_have_a_place_of_their_own() -> None:
    cells = [
        (place["x"] + column, place["y"] + row)
        for place in (panel["gridPos"] for panel in panels())
        for column in range(place["w"])
        for row in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(column for column, _ in cells) < 24


class TestPromtool:
    pytestmark = needs_prometheus

    @pytest.mark.parametrize("path", SCRAPES, ids=lambda path: path.name)
    def test_it_takes_the_files(self, path: Path) -> None:
        said = promtool("check", "config", str(path))
        assert f"{len(alerts())} rules found" in said

    def test_alerts_fire_when_they_should(self) -> None:
        promtool("test", "rules", str(Path(__file__).with_name("alerts.yml")))

    def test_each_alert_is_tried(self) -> None:
        tried = Path(__file__).with_name("alerts.yml").read_text()
        for name in alerts():
            assert tried.count(f"alertname: {name}") == 2, name


def promtool(*arguments: str) -> str:
    """What it says. Fails if it does."""
    ran = subprocess.run(  # noqa: S603 - Debian's
        ["promtool", *arguments],  # noqa: S607 - wherever it is
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
