import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from loadtest.processes import ProcessSampler, is_local, mesh_processes, named_processes
from tests.ports import free_port


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has a child, which uses some CPU time and then waits."""
    inner = "import sys; sum(range(3_000_000)); print(flush=True); sys.stdin.read()"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    process = subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    try:
        process.stdout.readline()
        yield process
    finally:
        end(process)
        process.stdout.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """End both by the end of their input."""
    assert process.stdin
    process.stdin.close()
    process.wait(20)


def test_what_descendants_use_counts(child: subprocess.Popen[bytes]) -> None:
    sampler = ProcessSampler({child.pid: "engine"})
    sampler.sample(0.0)
    sampler.sample(1.0)
    (use,) = sampler.uses
    assert use.cpu_s[0] > 0.02
    assert use.memory_mb[0] > 5
    assert sampler.cpu_between(0.0, 1.0) == {"engine": pytest.approx(use.cpu_s[1] - use.cpu_s[0])}


def test_a_process_that_is_gone_keeps_what_it_had_used(child: subprocess.Popen[bytes]) -> None:
    sampler = ProcessSampler({child.pid: "engine"})
    sampler.sample(0.0)
    end(child)
    sampler.sample(1.0)
    assert sampler.uses[0].cpu_s[1] == sampler.uses[0].cpu_s[0]


def test_processes_are_named() -> None:
    (name,) = named_processes([os.getpid()]).values()
    assert name
    assert mesh_processes(free_port()) == {}


def test_what_is_this_machine() -> None:
    assert is_local("127.0.0.1")
    assert is_local("::1")
    assert not is_local("192.0.2.1")
    assert not is_local("nowhere.invalid")
