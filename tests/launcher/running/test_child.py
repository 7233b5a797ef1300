import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.launcher.conftest import gone

SLEEPS = "import os, time\ndef main():\n    print(os.getpid(), flush=True)\n    time.sleep(60)\n"
STARTS_A_CHILD = "\n".join(  # noqa: FLY002 - two lines of code
    (
        "import os, subprocess, sys",
        "subprocess.run([sys.executable, '-m', 'launcher.running.child', str(os.getpid()), 'sleeps'])",
    )
)


async def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "sleeps.py").write_text(SLEEPS)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", STARTS_A_CHILD, env={**os.environ, "PYTHONPATH": str(tmp_path)}, stdout=PIPE
    )
    assert parent.stdout is not None
    child_pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await gone(child_pid)


async def test_a_child_whose_parent_is_gone_does_not_begin(tmp_path: Path) -> None:
    (tmp_path / "sleeps.py").write_text(SLEEPS)
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "launcher.running.child", "1", "sleeps"),
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=PIPE,
    )
    _, errors = await child.communicate()
    assert child.returncode == 1
    assert errors == b"the parent process 1 is gone\n"
