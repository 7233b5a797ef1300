"""How a whole mesh on this machine bears more and more conversations, and what it does when there are too many.

    python -m benchmarks.mesh_load [--sessions 1 8 24 32 40 60] [--duration 40] [--only NAME ...]

A mesh of real processes before stand-ins that are ideal: a pause is visible after 0.4 s, a flush takes 75 ms, the
language model's first token 100 ms, the voice's first audio 150 ms. Users talk to it as `parley load` has them; the
model's answer takes 6.4 s to speak, so that the mesh talks 60 % of the time. The load side and the stand-ins share
the machine.

    table     each number of sessions
    hog       24 sessions beside a process that uses a whole processor
    overload  slots for 6 conversations; 6 users, then 18
    storm     500 connections at once, with slots for all, beside 4 conversations
    stop      beside 40 conversations, a client stops a reply that is being spoken: how long after that its last
              audio comes; it bounds the time from the decision to the last audio that leaves the edge
    replicas  40 sessions with one edge and one orchestrator, and with two of each

What was measured is written to benchmarks/results, with the date, as JSON and as Markdown. Ratios are to one session of
the same run, or to the same load without what disturbs it.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect

from loadtest.conversation import ConversationLog
from loadtest.load import Plan, machine, run_load
from loadtest.processes import mesh_processes
from loadtest.results import Result
from loadtest.sessions import End, Mark, Outcome, SessionRecord
from loadtest.speech import opus_voice, questions
from loadtest.stage import Stage
from loadtest.statistics import spread
from loadtest.talking import Habits, Talking
from loadtest.targets.realtime import PATH, RealtimeTarget
from tests.unmute.mesh_with_standins import MeshWithStandins, running_mesh_with_standins

RESULTS = Path(__file__).parent / "results"
REPLY = "The weather there is mild today with a little wind from the lake and some clouds in the afternoon sky."
HEARD = "Where should I go if I want to see the mountains?"
"""A whole sentence: after words that lead on, a longer pause is waited for."""
PLENTY = 600
HOLDS = 6
STORM = 500
CROWD = 4
MANY = 40
STOPPED_AFTER_S = (0.3, 1.5)
ANSWERED_WITHIN_S = 30.0
JOINS_EVERY_S = 0.25

VOICE = opus_voice(questions())


class Staying:
    """Clients that connect, and stay without a word."""

    kind = "conversation"
    headline = Mark.FIRST_AUDIO

    def __init__(self, target: RealtimeTarget) -> None:
        self.name = target.name
        self._target = target

    async def hold(self, stage: Stage, record: SessionRecord) -> End:
        """Connect, and stay until the test is over."""
        log = ConversationLog(record, stage.began, lambda: None)
        connection = await self._target.connect(log)
        with stage.admitted(record):
            try:
                await connection.until_lost()
            finally:
                log.left()
                connection.abort()
        return End.COMPLETE

    async def close(self) -> None:
        """Nothing is shared."""


def target(mesh: MeshWithStandins) -> RealtimeTarget:
    """The edge of the mesh."""
    return RealtimeTarget(mesh.mesh.websocket + PATH, VOICE)


async def talk(mesh: MeshWithStandins, users: int, duration_s: float, ramp_s: float | None = None) -> Result:
    """Have so many users talk."""
    plan = Plan(users=users, ramp_s=JOINS_EVERY_S * users if ramp_s is None else ramp_s, duration_s=duration_s)
    found = await asyncio.to_thread(mesh_processes, mesh.mesh.edge_port)
    return await run_load(plan, Talking(target(mesh), Habits()), processes=found)


def row(name: str, result: Result, base: Result | None) -> dict[str, Any]:
    """The figures of one run, for the table."""
    found, turns = result.marks().get(Mark.FIRST_AUDIO), result.turns()
    alone = base.marks().get(Mark.FIRST_AUDIO) if base else None
    refused = result.refused_after()
    return {
        "run": name,
        "p50_ms": round(found.p50 * 1_000) if found else None,
        "p95_ms": round(found.p95 * 1_000) if found else None,
        "p95_ratio": round(found.p95 / alone.p95, 2) if found and alone else None,
        "answered": f"{result.outcomes().get(Outcome.ANSWERED, 0)} of {len(turns)}",
        "lost_voices": result.outcomes().get(Outcome.WITHOUT_AUDIO, 0),
        "refused": sum(result.refusals().values()),
        "refusals": result.refusals(),
        "refused_p50_p99_ms": [round(refused.p50 * 1_000), round(refused.p99 * 1_000)] if refused else None,
        "lost": sum(result.losses().values()),
        "ran_dry": sum(1 for turn in turns if turn.underruns),
        "cpu_s_per_session_minute": {
            name: round(each, 2) for name, each in (result.summary()["cpu_s_per_session_minute"]).items()
        },
        "memory_mb": round(sum(each.memory_mb for each in result.processes)),
        "own_lag_p99_ms": round(result.lag.p99_s * 1_000, 1),
        "spoiled": result.lag.spoils,
        "load_average": [round(each, 1) for each in os.getloadavg()],
    }


def say(found: dict[str, Any]) -> dict[str, Any]:
    """Print a row when it is there."""
    print(json.dumps(found), flush=True)
    return found


def table(sessions: Sequence[int], duration_s: float) -> list[dict[str, Any]]:
    """Each number of sessions, and 24 beside a process that is busy."""
    rows: list[dict[str, Any]] = []
    base: Result | None = None
    with plenty() as mesh:
        for users in sessions:
            result = uvloop.run(talk(mesh, users, duration_s))
            base = base or result
            rows.append(say(row(f"{users} sessions", result, base)))
    return rows


def hog(duration_s: float) -> list[dict[str, Any]]:
    """24 sessions without and with a process beside them that uses a whole processor."""
    with plenty() as mesh:
        alone = uvloop.run(talk(mesh, 24, duration_s))
        with busy():
            beside = uvloop.run(talk(mesh, 24, duration_s))
    return [say(row("24 sessions", alone, alone)), say(row("24 sessions beside a busy process", beside, alone))]


def overload(duration_s: float) -> list[dict[str, Any]]:
    """As many as there are slots, and three times as many."""
    with running_mesh_with_standins(
        f"--set=stt:slots={HOLDS}", f"--set=tts:slots={HOLDS}", "--hear", HEARD, "--reply", REPLY
    ) as mesh:
        fits = uvloop.run(talk(mesh, HOLDS, duration_s))
        thrice = uvloop.run(talk(mesh, 3 * HOLDS, duration_s))
    return [say(row(f"{HOLDS} sessions in {HOLDS} slots", fits, fits)), say(row(f"{3 * HOLDS} offered", thrice, fits))]


def storm() -> list[dict[str, Any]]:
    """Conversations before, and while hundreds connect at once."""
    with plenty() as mesh:
        calm = uvloop.run(talk(mesh, CROWD, 30.0))

        async def together() -> tuple[Result, Result]:
            async def late() -> Result:
                await asyncio.sleep(15.0)
                return await run_load(Plan(users=STORM, ramp_s=0.0, duration_s=15.0), Staying(target(mesh)))

            talking, staying = await asyncio.gather(talk(mesh, CROWD, 35.0), late())
            return talking, staying

        talking, staying = uvloop.run(together())
    admitted = spread([each.admitted_after_s for each in staying.records if each.admitted_after_s is not None])
    said = {
        "run": f"{STORM} connections at once",
        "admitted": admitted.count if admitted else 0,
        "admitted_p50_max_ms": [round(admitted.p50 * 1_000), round(admitted.max * 1_000)] if admitted else None,
        "refused": staying.refusals(),
        "lost": staying.losses(),
        "load_average": [round(each, 1) for each in os.getloadavg()],
    }
    return [
        say(row(f"{CROWD} sessions", calm, calm)),
        say(row(f"{CROWD} sessions during the storm", talking, calm)),
        say(said),
    ]


def stop(duration_s: float) -> list[dict[str, Any]]:
    """Replies that are stopped, in a conversation alone and beside many."""
    with plenty() as mesh:

        async def beside_many() -> tuple[Result, list[float]]:
            async def once_all_talk() -> list[float]:
                await asyncio.sleep(JOINS_EVERY_S * MANY + 2.0)
                return await stopped_replies(mesh, duration_s)

            return await asyncio.gather(talk(mesh, MANY, duration_s + 5.0), once_all_talk())

        alone = uvloop.run(stopped_replies(mesh, duration_s / 2))
        talking, among = uvloop.run(beside_many())
    rows = [say(row(f"{MANY} sessions", talking, talking))]
    for name, times in (("a reply stopped, alone", alone), (f"a reply stopped, beside {MANY}", among)):
        if found := spread(times):
            ms = {"p50": found.p50, "p99": found.p99, "max": found.max}
            ms = {name: round(each * 1_000, 1) for name, each in ms.items()}
            rows.append(say({"run": name, "stopped": found.count, "last_audio_after_ms": ms}))
    return rows


async def stopped_replies(mesh: MeshWithStandins, duration_s: float) -> list[float]:
    """For so long, have replies spoken, and stop them. Return the seconds from each stop to the last of its audio."""
    times: list[float] = []
    clock = asyncio.get_running_loop().time
    async with connect(f"{mesh.mesh.websocket}/v1/converse", compression=None, max_size=None) as client:
        await client.send(json.dumps({"config": {"typedOnly": True}}))
        until = clock() + duration_s
        while clock() < until:
            await client.send(json.dumps({"text": {"text": "What is the weather like?"}}))
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                await _until(client, "replyAudio")
            with suppress(TimeoutError):
                async with asyncio.timeout(random.uniform(*STOPPED_AFTER_S)):  # noqa: S311
                    await _until(client, "replyFinished")
            stopped_at = last = clock()
            await client.send(json.dumps({"cancelReply": {}}))
            async with asyncio.timeout(ANSWERED_WITHIN_S):
                async for message in client:
                    event = json.loads(message)
                    last = clock() if "replyAudio" in event else last
                    if "replyCancelled" in event:
                        break
            times.append(last - stopped_at)
    return times


async def _until(client: ClientConnection, kind: str) -> None:
    async for message in client:
        if kind in json.loads(message):
            return


def replicas(duration_s: float) -> list[dict[str, Any]]:
    """One edge and one orchestrator, and two of each."""
    rows, base = [], None
    for arguments in ((), ("--replicas", "edge=2,orchestrator=2")):
        with plenty(*arguments) as mesh:
            result = uvloop.run(talk(mesh, MANY, duration_s))
        base = base or result
        rows.append(say(row(" ".join((f"{MANY} sessions", *arguments)), result, base)))
    return rows


@contextmanager
def plenty(*arguments: str) -> Iterator[MeshWithStandins]:
    """A mesh with more slots than it can fill; `arguments` are for `parley up`."""
    slots = [f"--set={kind}:slots={PLENTY}" for kind in ("stt", "tts")]
    with running_mesh_with_standins(
        *slots,
        "--hear",
        HEARD,
        "--reply",
        REPLY,
        up=arguments,
        PARLEY_STT_MOSHI_CAPACITY=str(PLENTY),
        PARLEY_TTS_CAPACITY=str(PLENTY),
    ) as mesh:
        yield mesh


@contextmanager
def busy() -> Iterator[None]:
    """A process that uses a whole processor meanwhile."""
    process = multiprocessing.get_context("spawn").Process(target=_spin, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _spin() -> None:
    while True:
        pass


def written(found: dict[str, list[dict[str, Any]]]) -> str:
    """The results as Markdown."""
    lines = []
    for name, rows in found.items():
        lines += ["", f"## {name}", ""]
        lines.append(
            "| run | first audio p50 / p95 ms | p95 ratio | answered | lost voices | refused (p50, p99 ms) | CPU-s |"
        )
        lines.append("|---|---|---|---|---|---|---|")
        for each in rows:
            if "p50_ms" not in each:
                lines += ["", f"{each['run']}: {json.dumps({k: v for k, v in each.items() if k != 'run'})}"]
                continue
            cpu = each["cpu_s_per_session_minute"].get("all", "-")
            refused = f"{each['refused']} {each['refused_p50_p99_ms'] or ''}".strip()
            spoiled = " (spoiled)" if each["spoiled"] else ""
            lines.append(
                f"| {each['run']}{spoiled} | {each['p50_ms']} / {each['p95_ms']} | {each['p95_ratio']} | "
                f"{each['answered']} | {each['lost_voices']} | {refused} | {cpu} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 8, 24, 32, 40, 60])
    parser.add_argument("--duration", type=float, default=40.0)
    runs = ("table", "hog", "overload", "storm", "stop", "replicas")
    parser.add_argument("--only", nargs="+", choices=runs, default=runs)
    wanted = parser.parse_args()
    before = [round(each, 1) for each in os.getloadavg()]
    measures = {
        "table": lambda: table(wanted.sessions, wanted.duration),
        "hog": lambda: hog(wanted.duration),
        "overload": lambda: overload(wanted.duration),
        "storm": storm,
        "stop": lambda: stop(wanted.duration),
        "replicas": lambda: replicas(wanted.duration),
    }
    found = {name: measures[name]() for name in wanted.only}
    RESULTS.mkdir(exist_ok=True)
    stem = RESULTS / f"{datetime.now().astimezone():%Y-%m-%d-%H%M}-mesh-load"
    about = machine() | {"load_average_before": before}
    stem.with_suffix(".json").write_text(json.dumps({"machine": about, "results": found}, indent=2) + "\n")
    head = (
        f"# Mesh under load, {datetime.now().astimezone():%Y-%m-%d %H:%M}\n\n{about['processors']} processors "
        f"({about['processor']}), Python {about['python']}, {about['system']}. Load average before: {before}.\n"
        "Other work ran on the machine wherever the load average before is above 1: compare ratios, not milliseconds.\n"
    )
    stem.with_suffix(".md").write_text(head + written(found) + "\n")
    print(stem)


if __name__ == "__main__":
    main()
