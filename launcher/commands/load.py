"""`parley load`: simulated users, as many as wanted, and what they experience."""

import time
from pathlib import Path
from urllib.parse import urlsplit

import click
import msgspec
import psutil
import uvloop

from launcher import options
from launcher.calling.audio import read_audio
from launcher.calling.realtime import edge_endpoint
from launcher.command import Command
from launcher.console import console
from launcher.failure import ExitCode, Failure
from launcher.processes import DEFAULT_URL
from loadtest.load import Plan, Progress, run_load
from loadtest.processes import is_local, mesh_processes, named_processes
from loadtest.report import text
from loadtest.results import Result
from loadtest.sessions import End
from loadtest.speech import opus_voice, questions
from loadtest.targets.realtime import RealtimeTarget
from loadtest.user import Habits

_PRINTED_EVERY_S = 5.0
"""Where progress is not shown in place."""

_SHARE = click.FloatRange(0, 1)


@click.command(
    cls=Command,
    examples=[
        ("parley load --sessions 20", "twenty people talk to the mesh of this machine for a minute"),
        ("parley load --sessions 60 --ramp 30 --duration 120 --json load.json", "more of them, for longer; kept"),
        ("parley load --sessions 20 --barge-in 0.3 --drop 0.1", "people who interrupt, and networks that fail"),
    ],
    exit_codes={
        ExitCode.DONE: "the test ran; its figures are on standard output",
        ExitCode.FAILED: "no session was admitted",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The edge, or Unmute's backend.")
@click.option("--sessions", type=click.IntRange(min=1), default=10, show_default=True, help="Users at once.")
@click.option(
    "--ramp",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Until all users are there.  [default: 0.5 a user]",
)
@click.option(
    "--duration",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long all users are there.",
)
@click.option(
    "--turns",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="Turns of a session; then another begins.",
)
@click.option("--barge-in", type=_SHARE, default=0.0, metavar="SHARE", help="Replies that users speak over, 0 to 1.")
@click.option("--drop", type=_SHARE, default=0.0, metavar="SHARE", help="Sessions whose connection is dropped, 0 to 1.")
@click.option(
    "--speech",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    metavar="FILE",
    help="What users say, a recording without long pauses; repeat.  [default: six short questions]",
)
@click.option("--pid", "pids", type=int, multiple=True, help="A process to measure; repeat.  [default: found by port]")
@click.option("--seed", type=int, help="Have users do the same again.")
@options.written_file("--json", "json_file", help="Write the figures and every turn to this file.")
def load(
    *,
    url: str,
    sessions: int,
    ramp: float | None,
    duration: float,
    turns: int,
    barge_in: float,
    drop: float,
    speech: tuple[Path, ...],
    pids: tuple[int, ...],
    seed: int | None,
    json_file: Path | None,
) -> None:
    """Talk to a running mesh as many people would, and measure what they experience.

    Each user speaks in real time, listens to the reply to its end, and asks the next question. Times count from the
    user's last sound. Whether or not the mesh keeps up, users go on speaking. If the mesh runs on this machine, the
    CPU time and memory of its processes are measured too. The load side measures its own lag; if that is too large,
    the result is marked as spoiled.
    """
    endpoint = edge_endpoint(url)
    spoken = [read_audio(path) for path in speech] or questions()
    target = RealtimeTarget(endpoint, opus_voice(spoken))
    plan = Plan(users=sessions, ramp_s=0.5 * sessions if ramp is None else ramp, duration_s=duration)
    habits = Habits(turns=turns, barge_in=barge_in, drop=drop)
    result = uvloop.run(
        run_load(
            plan,
            habits,
            target,
            processes=_processes(endpoint, pids),
            on_progress=_ProgressLine().show,
            seed=seed,
        )
    )
    _report(result, json_file)


def _report(result: Result, json_file: Path | None) -> None:
    if result.records and all(record.end is End.REFUSED for record in result.records):
        reasons = ", ".join(result.refusals())
        raise Failure(f"no session was admitted at {result.target}: {reasons}. Start a mesh with: parley up")
    for line in text.lines(result):
        click.echo(line)
    if json_file is not None:
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(result.to_json())))


def _processes(endpoint: str, pids: tuple[int, ...]) -> dict[int, str]:
    """The processes to measure, by id."""
    if pids:
        try:
            return named_processes(pids)
        except psutil.NoSuchProcess as gone:
            raise click.UsageError(f"--pid: there is no process {gone.pid}") from None
    address = urlsplit(endpoint)
    if not address.hostname or not is_local(address.hostname):
        return {}
    return mesh_processes(address.port or (443 if address.scheme == "wss" else 80))


class _ProgressLine:
    """How the test stands, on standard error: in place on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._printed_at = 0.0

    def show(self, progress: Progress) -> None:
        """Show it."""
        now = time.monotonic()
        if not self._console.is_terminal and now - self._printed_at < _PRINTED_EVERY_S:
            return
        self._printed_at = now
        line = (
            f"{progress.elapsed_s:4.0f} of {progress.total_s:.0f} s  {progress.live} of {progress.users} live, "
            f"{progress.turns} turns, first audio {progress.first_audio}, {progress.refused} refused, "
            f"{progress.lost} lost, own lag {progress.lag_max_s * 1_000:.0f} ms"
        )
        self._console.print(line, end="\r" if self._console.is_terminal else "\n", overflow="crop", no_wrap=True)
