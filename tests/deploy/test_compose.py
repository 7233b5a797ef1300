"""The files for containers say what is true."""

import re
from typing import Any

import pytest

from launcher.processes import PROCESSES
from mesh.settings import describe, load
from tests.deploy.containers import ROOT, compose, environment_of, image_entry_point, image_environment

SETTINGS = {process.name: process.settings_type for process in PROCESSES}
SERVICES: dict[str, Any] = compose()["services"]
OURS = {name: each for name, each in SERVICES.items() if "profiles" not in each}
GPU = dict(
    line.split("=", 1)
    for line in (ROOT / "deploy/gpu.env").read_text().splitlines()
    if line and not line.startswith("#")
)


def test_every_process_has_its_service() -> None:
    assert set(OURS) == set(SETTINGS)
    for name, service in OURS.items():
        assert service["command"] == [name]
        assert service["healthcheck"]["test"] == ["CMD", "parley", "health", name]
    assert image_entry_point() == ["parley"]


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("environ", [{}, GPU], ids=["embedded", "gpu"])
def test_what_a_service_is_told_are_settings_that_fit(name: str, environ: dict[str, str]) -> None:
    told = environment_of(compose(environ)["services"][name])
    known = {variable for setting in describe(SETTINGS[name]) for variable in setting.env}
    assert set(told) <= known
    load(SETTINGS[name], {**image_environment(), **told})


def test_the_image_tells_settings_too() -> None:
    known = {variable for each in SETTINGS.values() for setting in describe(each) for variable in setting.env}
    assert {name for name in image_environment() if name.startswith("PARLEY_")} <= known


@pytest.mark.parametrize("name", OURS)
def test_services_are_addressed_by_their_name_and_port(name: str) -> None:
    for target in re.findall(r"(?:dns:///|http://)([a-z-]+):(\d+)", str(environment_of(OURS[name]))):
        service, port = target
        assert load(SETTINGS[service], {}).port == int(port)


def test_the_gpu_profile_names_services_of_the_file() -> None:
    hosts = re.findall(r"\w+://([a-z-]+):", " ".join(GPU.values()))
    assert hosts
    assert set(hosts) <= set(SERVICES)


def test_a_stop_waits_for_conversations() -> None:
    for name, service in OURS.items():
        grace_s = float(service["stop_grace_period"].removesuffix("s"))
        assert grace_s > load(SETTINGS[name], {}).drain_limit_s


def test_processes_are_confined() -> None:
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
