"""The services of compose.yaml without a container engine: each replica in a network namespace of its own.

What the files say is taken as it stands: the image's entry point, user-independent environment and each service's
command, environment and health check. Names resolve as Compose's DNS has them, to every replica. What is not imitated
is the image itself: processes run with this machine's Python and file system.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
IP = shutil.which("ip")
POSSIBLE = IP is not None and os.geteuid() == 0

_NETWORK = "10.77.0"
_HEALTHY_LIMIT_S = 180.0
_STOP_LIMIT_S = 15.0
_PATH = os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin", "/bin"))


def compose(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """compose.yaml with its variables taken from `environ`, as Compose interpolates them."""
    given = environ or {}

    def value(match: re.Match[str]) -> str:
        name, when_empty, default = match.groups()
        known = given.get(name)
        return (known or default or "") if when_empty else (default or "" if known is None else known)

    text = (ROOT / "compose.yaml").read_text()
    read: dict[str, Any] = yaml.safe_load(re.sub(r"\$\{(\w+)(?:(:?)-([^}]*))?\}", value, text))
    return read


def environment_of(service: Mapping[str, Any]) -> dict[str, str]:
    """What a service is told; what is left empty is the empty string."""
    return {name: "" if value is None else str(value) for name, value in service.get("environment", {}).items()}


def image_environment() -> dict[str, str]:
    """What the Dockerfile's last stage sets."""
    stage = (ROOT / "Dockerfile").read_text().split("\nFROM ")[-1].replace("\\\n", " ")
    settings = " ".join(line.removeprefix("ENV ") for line in stage.splitlines() if line.startswith("ENV "))
    return dict(setting.split("=", 1) for setting in shlex.split(settings))


def image_entry_point() -> list[str]:
    """What the Dockerfile runs."""
    [line] = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("ENTRYPOINT ")]
    entry_point: list[str] = yaml.safe_load(line.removeprefix("ENTRYPOINT "))
    return entry_point


@dataclass
class Container:
    """One replica of a service."""

    service: str
    namespace: str
    address: str
    definition: dict[str, Any]
    log: Path
    process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        return {
            "PATH": _PATH,
            "HOME": str(self.log.parent),
            **image_environment(),
            **environment_of(self.definition),
        }

    def start(self) -> None:
        command = [*image_entry_point(), *self.definition["command"]]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own command
                _within(self.namespace, command), env=self.environment(), stdout=log, stderr=log, cwd=self.log.parent
            )

    def is_healthy(self) -> bool:
        """What the health check of compose.yaml says."""
        kind, *command = self.definition["healthcheck"]["test"]
        assert kind == "CMD"
        checked = subprocess.run(  # noqa: S603 - our own command
            _within(self.namespace, command), env=self.environment(), capture_output=True, check=False, timeout=60
        )
        return checked.returncode == 0

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it as `docker stop` does, or kill it; the exit code."""
        assert self.process
        self.process.send_signal(how)
        try:
            return self.process.wait(_STOP_LIMIT_S)
        finally:
            self.process.kill()


@dataclass
class Composition:
    """What `docker compose up` would have started, and a place beside it from which to call."""

    containers: list[Container] = field(default_factory=list)
    outside: str = "parley-outside"

    def of(self, service: str) -> list[Container]:
        return [each for each in self.containers if each.service == service]

    def parley(self, *arguments: str, within_s: float = 60.0) -> str:
        """Run `parley` on the same network; its output."""
        ran = subprocess.run(  # noqa: S603 - our own command
            _within(self.outside, ["parley", *arguments]),
            env={"PATH": _PATH},
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout


@contextmanager
def composed(folder: Path, *, scale: Mapping[str, int], only: set[str] | None = None) -> Iterator[Composition]:
    """Run the services without a profile meanwhile, `scale[service]` times each; logs go to `folder`."""
    services = {
        name: each
        for name, each in compose()["services"].items()
        if "profiles" not in each and (only is None or name in only)
    }
    composition = Composition()
    names: dict[str, list[str]] = {}
    for service, definition in services.items():
        for number in range(scale.get(service, 1)):
            address = f"{_NETWORK}.{10 + len(composition.containers)}"
            namespace = f"parley-{service}-{number}"
            names.setdefault(service, []).append(address)
            composition.containers.append(
                Container(service, namespace, address, definition, folder / f"{namespace}.log")
            )
    hosts = "127.0.0.1 localhost\n" + "".join(
        f"{address} {service}\n" for service, addresses in names.items() for address in addresses
    )
    with _network({each.namespace: each.address for each in composition.containers}, composition.outside, hosts):
        try:
            for container in composition.containers:
                container.start()
            _await_health(composition)
            yield composition
        finally:
            for container in composition.containers:
                if container.process and container.process.poll() is None:
                    container.stop(signal.SIGKILL)


def _await_health(composition: Composition) -> None:
    until = time.monotonic() + _HEALTHY_LIMIT_S
    waiting = list(composition.containers)
    while waiting and time.monotonic() < until:
        waiting = [each for each in waiting if not each.is_healthy()]
    assert not waiting, "\n".join(f"{each.namespace} is not healthy:\n{each.log.read_text()}" for each in waiting)


@contextmanager
def _network(addresses: Mapping[str, str], outside: str, hosts: str) -> Iterator[None]:
    """Namespaces on one bridge, which is in the namespace `outside`; none of them reaches any other network."""
    every = {outside: f"{_NETWORK}.1", **addresses}
    try:
        for namespace in every:
            _ip("netns", "add", namespace)
            _ip("-n", namespace, "link", "set", "lo", "up")
            # `ip netns exec` lays this over /etc/hosts.
            folder = Path("/etc/netns") / namespace
            folder.mkdir(parents=True)
            (folder / "hosts").write_text(hosts)
        _ip("-n", outside, "link", "add", "bridge", "type", "bridge")
        _ip("-n", outside, "addr", "add", f"{every[outside]}/24", "dev", "bridge")
        _ip("-n", outside, "link", "set", "bridge", "up")
        for number, (namespace, address) in enumerate(addresses.items()):
            _ip("-n", outside, "link", "add", f"veth{number}", "type", "veth", "peer", "eth0", "netns", namespace)
            _ip("-n", outside, "link", "set", f"veth{number}", "master", "bridge", "up")
            _ip("-n", namespace, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", namespace, "link", "set", "eth0", "up")
        yield
    finally:
        for namespace in every:
            _ip("netns", "del", namespace, check=False)
            shutil.rmtree(Path("/etc/netns") / namespace, ignore_errors=True)


def _within(namespace: str, command: list[str]) -> list[str]:
    assert IP
    return [IP, "netns", "exec", namespace, *command]


def _ip(*arguments: str, check: bool = True) -> None:
    assert IP
    subprocess.run([IP, *arguments], check=check, capture_output=True)  # noqa: S603 - our own command
