"""A real Prometheus that scrapes a running mesh, on a loopback port of its own."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.e2e.mesh import Mesh
from tests.metrics.monitoring import SCRAPES
from tests.metrics.scrape import PORTS
from tests.requirements import required

AVAILABLE = shutil.which("prometheus") is not None and shutil.which("promtool") is not None

needs_prometheus = [
    pytest.mark.prometheus,
    pytest.mark.skipif(
        not AVAILABLE and not required("prometheus"),
        reason="prometheus is not installed; install it (Debian: prometheus), and `tox -e prometheus` runs this",
    ),
]

_START_LIMIT_S = 20.0


class Prometheus:
    """Answers queries."""

    def __init__(self, url: str) -> None:
        self._http = httpx2.Client(base_url=url, trust_env=False)

    def query(self, expression: str) -> list[float]:
        """The values of an instant query. Fails for an expression that is none."""
        answer = self._http.get("/api/v1/query", params={"query": expression}).json()
        assert answer["status"] == "success", f"{expression}: {answer}"
        return [float(series["value"][1]) for series in answer["data"]["result"]]

    def answers(self) -> bool:
        """Whether it has started."""
        try:
            return self._http.get("/-/ready").status_code == 200
        except httpx2.TransportError:
            return False

    def close(self) -> None:
        """Ask nothing more."""
        self._http.close()


@contextmanager
def scraping(mesh: Mesh, folder: Path) -> Iterator[Prometheus]:
    """Run one meanwhile, with our own file and rules but for the mesh's ports, ten times as often."""
    config = yaml.safe_load(SCRAPES[1].read_text())
    config["global"] = dict.fromkeys(config["global"], "500ms")
    config["rule_files"] = [str(SCRAPES[1].parent / name) for name in config["rule_files"]]
    ports = {name: mesh.metrics(port) for name, port in PORTS.items()} | {"edge": mesh.edge_port}
    for job in config["scrape_configs"]:
        job["static_configs"] = [{"targets": [f"127.0.0.1:{ports[job['job_name']]}"]}]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = (
        "prometheus",
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    )
    with subprocess.Popen(command) as process:  # noqa: S603 - Debian's
        prometheus = Prometheus(f"http://{address}")
        try:
            began = time.monotonic()
            while not prometheus.answers():
                assert time.monotonic() - began < _START_LIMIT_S, "it does not start"
                time.sleep(0.05)
            yield prometheus
        finally:
            prometheus.close()
            process.terminate()
