"""What only Linux has, and what stands in for it elsewhere."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.process import platform

ELSEWHERE = "darwin"
PACKAGES = [
    *("edge", "launcher", "loadtest", "mesh", "moshi_client", "openai_audio", "orchestrator", "responder", "standins"),
    *("stt_proxy", "tts_proxy", "voice_service", "wyoming_client"),
]


@pytest.mark.parametrize("system", ["linux", ELSEWHERE])
def test_a_file_without_a_name_holds_what_is_put_into_it(system: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", system)
    with platform.memory_file(b"a recording") as file:
        read = subprocess.run(["cat"], stdin=file, capture_output=True, check=True)  # noqa: S607 - any reader does
    assert read.stdout == b"a recording"


@pytest.mark.parametrize("system", ["linux", ELSEWHERE])
def test_a_child_ends_with_its_parent(system: str, tmp_path: Path) -> None:
    child = (
        "import os, sys, time; from mesh.process import platform\n"
        f"platform.sys = type('Sys', (), {{'platform': {system!r}, 'exit': sys.exit}})\n"
        f"platform.die_with(os.getppid())\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    )
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", parent], cwd=Path(__file__).parents[3]
    ) as started:
        written = tmp_path / "pid"
        wait_until(lambda: written.exists() and written.read_text() != "")
        pid = int(written.read_text())
        started.kill()
    wait_until(lambda: not is_running(pid))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended, and that nobody has asked about, is still listed.
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


@pytest.mark.parametrize("system", ["linux", ELSEWHERE])
def test_memory_is_limited_where_it_can_be(system: str) -> None:
    code = (
        "import sys; from mesh.process import platform\n"
        f"platform.sys = type('Sys', (), {{'platform': {system!r}}})\n"
        "real = platform.resource.setrlimit\n"
        "def setrlimit(limit, most):\n"
        f"    if {system!r} != 'linux' and limit == platform.resource.RLIMIT_AS: raise ValueError('not here')\n"
        "    real(limit, most)\n"
        "platform.resource = type('R', (), {**vars(platform.resource), 'setrlimit': staticmethod(setrlimit)})\n"
        "platform.limit_this_process(memory_bytes=1 << 30, cpu_s=10)\n"
        "print(platform.resource.getrlimit(platform.resource.RLIMIT_CPU)[0])\n"
        "try: bytearray(2 << 30); print('taken')\n"
        "except MemoryError: print('refused')"
    )
    ran = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=Path(__file__).parents[3], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["10", "refused" if system == "linux" else "taken"]


def test_ports_are_shared_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert platform.can_share_ports()
    monkeypatch.setattr(sys, "platform", ELSEWHERE)
    assert not platform.can_share_ports()


def test_only_this_module_uses_what_only_linux_has() -> None:
    root = Path(__file__).parents[3]
    only_linux = ("prctl", "memfd_create", "TCP_USER_TIMEOUT", "/proc/", "epoll", "pidfd", "eventfd", "RLIMIT_AS")
    found = {
        f"{path.relative_to(root)}: {word}"
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        if path != root / "mesh" / "process" / "platform.py"
        for word in only_linux
        if word in path.read_text()
    }
    assert found == set()
