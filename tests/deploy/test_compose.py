"""The files for containers say what is true."""

import re
import subprocess
import tomllib
from typing import Any

import pytest

from launcher.processes import PROCESSES
from mesh.settings import load
from tests.deploy.containers import ROOT, compose, environment_of, image_entry_point, image_environment

SETTINGS = {process.name: process.settings_type for process in PROCESSES}
KNOWN = {process.name: {name for each in process.own_settings() for name in each.env} for process in PROCESSES}
"""The variables that each process reads, those of its engines included."""

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
    assert set(told) <= KNOWN[name] | {"NO_PROXY"}
    load(SETTINGS[name], {**image_environment(), **told})


def test_the_image_tells_settings_too() -> None:
    known = set().union(*KNOWN.values())
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


def test_what_a_conversation_needs_stops_after_it() -> None:
    """Compose stops first what depends on others. A synthesis that stopped first would refuse the next reply."""
    needed = {name: set(service.get("depends_on", ())) for name, service in OURS.items()}
    assert needed["edge"] == {"orchestrator", "voice-service"}
    assert needed["orchestrator"] == {"stt-proxy", "tts-proxy", "responder"}
    assert needed["tts-proxy"] == {"voice-service"}
    assert not needed["stt-proxy"] | needed["voice-service"] | needed["responder"]


def test_processes_are_confined() -> None:
    for service in OURS.values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)


def test_every_setting_can_be_set_through_the_file() -> None:
    for service in OURS.values():
        assert service["env_file"] == [{"path": ".env", "required": False}]
    other = compose({"PARLEY_ENV_FILE": "prod.env"})["services"]["edge"]
    assert other["env_file"] == [{"path": "prod.env", "required": False}]


def test_every_variable_that_is_no_setting_is_documented() -> None:
    text = (ROOT / "compose.yaml").read_text()
    known = set().union(*KNOWN.values())
    described = (ROOT / "deploy/README.md").read_text()
    variables = set(re.findall(r"\$\{(\w+)", text)) - known
    assert variables >= {"PARLEY_PUBLISH", "PARLEY_TAG", "PARLEY_EXTRAS", "GRAFANA_PASSWORD", "HF_TOKEN"}
    assert {name for name in variables if f"| `{name}` |" not in described} == set()


@pytest.mark.parametrize(("password", "code"), [("", 1), ("secret", 0)])
def test_grafana_has_no_default_password(password: str, code: int) -> None:
    shell, option, script = SERVICES["grafana"]["entrypoint"]
    script = script.replace("$$", "$").replace("exec /run.sh", "exit 0")
    environ = {"GF_SECURITY_ADMIN_PASSWORD": password, "PATH": "/usr/bin:/bin"}
    ran = subprocess.run([shell, option, script], env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert ran.returncode == code
    assert ("set GRAFANA_PASSWORD" in ran.stderr) is bool(code)
    assert environment_of(SERVICES["grafana"])["GF_SECURITY_ADMIN_PASSWORD"] == ""


def test_the_image_is_built_from_every_package_of_the_wheel() -> None:
    taken = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    wanted = {package.partition("/")[0] for package in build["targets"]["wheel"]["packages"]}
    assert wanted | {"pyproject.toml", "README.md", "LICENSE", "hatch_build.py"} == taken
