"""The files for Prometheus and Grafana, and what they ask."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRAPES = [DEPLOY / "prometheus" / name for name in ("prometheus.yml", "local.yml")]
RULES = DEPLOY / "prometheus" / "rules.yml"
DASHBOARD = DEPLOY / "grafana" / "parley.json"


def jobs(path: Path) -> dict[str, Any]:
    """The jobs of a scrape file, by name."""
    return {job["job_name"]: job for job in yaml.safe_load(path.read_text())["scrape_configs"]}


def alerts() -> dict[str, str]:
    """What each alert compares, by its name."""
    return {
        rule["alert"]: rule["expr"] for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]
    }


def panels() -> list[dict[str, Any]]:
    """The dashboard's panels, without the rows' titles."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def dashboard_queries() -> list[str]:
    """What the dashboard asks, over five minutes."""
    return [target["expr"].replace("$__rate_interval", "5m") for panel in panels() for target in panel["targets"]]


def alert_queries() -> Iterator[str]:
    """What the alerts look at: their expressions without the limit, which is seldom passed."""
    for expression in alerts().values():
        if absent := re.findall(r"absent\((.*?)\)", expression):
            yield from absent
        else:
            yield re.split(r" (?:==|>|<) ", expression)[0]


def metrics_in(query: str) -> set[str]:
    """The metrics that are asked for."""
    return set(re.findall(r"\b(?:worker|parley|http)_\w+", query))
