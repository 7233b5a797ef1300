"""Three thousand malformed messages through real processes, beside conversations that must not notice.

PARLEY_STORM_MESSAGES sets their number, PARLEY_STORM_SEED the seed; `python -m tests.unmute.random_faults` attacks a
mesh that is running.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import msgspec
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.speech import say
from tests.unmute.client import Call, converse
from tests.unmute.mesh_with_standins import MeshWithStandins, running_mesh_with_standins
from tests.unmute.playout import gaps
from tests.unmute.random_faults import Report

MESSAGES = int(os.environ.get("PARLEY_STORM_MESSAGES", "3000"))
SEED = int(os.environ.get("PARLEY_STORM_SEED", "1"))
LIMIT_S = 60 + MESSAGES / 60
UTTERANCES = (say("What time is it"), say("Thank you very much for that"))
REPLY = "It is nearly time for tea, and after that there is time for more."

MEGABYTE = 1 << 20
GROWTH_LIMIT_BYTES = 40 * MEGABYTE
"""By how much a process may have grown, once it has met everything; a byte a message leaked would go unnoticed, a
message of each session would not."""

HICCUP_S = 0.3
"""What a busy machine may add to the worst gap; a session that waits for the storm's work would stand still longer."""

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120 + 2 * LIMIT_S)]


@pytest.fixture(scope="module")
def system() -> Iterator[MeshWithStandins]:
    with running_mesh_with_standins(f"--reply={REPLY}", PARLEY_LOG_FORMAT="json") as running:
        yield running


async def storm(system: MeshWithStandins, messages: int, seed: int) -> Report:
    """In a process of its own, so that what it costs is not taken from the conversations' clients."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.unmute.random_faults", system.mesh.websocket),
        *(f"--messages={messages}", f"--seed={seed}"),
        cwd=Path(__file__).parents[2],
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            told, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return msgspec.json.decode(told, type=Report)


async def talk_until(over: asyncio.Event, system: MeshWithStandins) -> list[Call]:
    """One conversation after another, and the last one to its end."""
    calls = [await converse(system.mesh.websocket, "any", UTTERANCES, messages=4)]
    while not over.is_set():
        calls.append(await converse(system.mesh.websocket, "any", UTTERANCES, messages=4))
    return calls


def sizes(system: MeshWithStandins) -> dict[str, int]:
    """What each process of the mesh holds in memory of its own."""
    processes = psutil.Process(system.mesh.process.pid).children(recursive=True)
    return {f"{process.pid} {' '.join(process.cmdline()[-2:])}": process.memory_info().rss for process in processes}


async def until_quiet(system: MeshWithStandins) -> None:
    """Wait until nothing of any session is left."""
    async with asyncio.timeout(10):
        while any(left(system)):  # noqa: ASYNC110 - they can only be asked
            await asyncio.sleep(0.1)


def left(system: MeshWithStandins) -> Iterator[float]:
    """How many sessions, streams and leases each process counts, and how many slots the engines."""
    yield from (system.slots_used(kind) for kind in ("stt", "tts"))
    metrics = [system.mesh.http, *(f"http://127.0.0.1:{system.mesh.metrics(port)}" for port in (9151, 9152, 9153))]
    for url in metrics:
        for family in text_string_to_metric_families(httpx2.get(f"{url}/metrics").text):
            yield from (sample.value for sample in family.samples if sample.name in LIVE)


LIVE = {
    "parley_conversations_active",
    "parley_stt_leases",
    "parley_tts_leases",
    "worker_active_sessions",
    "worker_stt_active_sessions",
    "worker_tts_active_sessions",
    "worker_vllm_active_sessions",
}


@pytest.mark.unmute("S7", "S2", "B4")
async def test_a_storm_of_malformed_messages_harms_nobody(system: MeshWithStandins) -> None:
    over = asyncio.Event()
    over.set()
    async with asyncio.TaskGroup() as group:
        before = [group.create_task(talk_until(over, system)) for _ in range(2)]
    warm_up = await storm(system, MESSAGES // 10, SEED + 1)
    await until_quiet(system)
    began = sizes(system)

    over.clear()
    async with asyncio.TaskGroup() as group:
        beside = [group.create_task(talk_until(over, system)) for _ in range(2)]
        report = await storm(system, MESSAGES, SEED)
        over.set()

    assert warm_up.wrong + report.wrong == []
    assert report.messages == MESSAGES
    calls = [call for task in beside for call in task.result()]
    assert [str(violation) for call in calls for violation in call.violations] == []
    quiet = [gap for task in before for call in task.result() for gap in gaps(call.occurrences)]
    loud = [gap for call in calls for gap in gaps(call.occurrences)]
    assert max(loud) <= max(quiet) + HICCUP_S

    await until_quiet(system)
    grown = {name: size - began[name] for name, size in sizes(system).items()}
    assert [f"{name}: {by / MEGABYTE:.0f} MiB" for name, by in grown.items() if by > GROWTH_LIMIT_BYTES] == []
    after = await converse(system.mesh.websocket, "any", UTTERANCES, messages=2)
    assert not after.violations
    assert [line for line in system.mesh.log if not is_harmless(line)] == []


def is_harmless(line: str) -> bool:
    """Whether a line of the log is one that a mesh in order writes."""
    _, _, told = line.partition("| ")
    if not told.startswith("{"):
        return "Traceback" not in line and "ended" not in line
    entry = json.loads(told)
    return entry["level"] in {"debug", "info"} and "exception" not in entry
