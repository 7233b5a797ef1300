"""`parley load`: simulated users, as many as wanted, and what they experience."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
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
from launcher.processes import DEFAULT_TARGET, DEFAULT_URL
from loadtest.capacity import SLOWER, CapacitySearch, why_not_held
from loadtest.load import Plan, Progress, run_load
from loadtest.processes import is_local, mesh_processes, named_processes
from loadtest.report import page, text
from loadtest.results import Result
from loadtest.sessions import End
from loadtest.speech import Samples, opus_voice, pcm_voice, questions
from loadtest.stage import Scenario
from loadtest.synthesizing import Synthesizing, SynthesizingHabits
from loadtest.talking import Habits, Talking
from loadtest.targets.converse import PATH, ConverseJsonTarget, ConverseTarget
from loadtest.targets.realtime import RealtimeTarget
from loadtest.transcribing import Transcribing, TranscribingHabits
from mesh.discovery.addresses import BadTarget, parse_target

_PRINTED_EVERY_S = 5.0
"""Where progress is not shown in place."""

_RAMP_S_PER_USER = 0.5

_ALONE_S = 30.0
"""How long one user alone is measured, whose latency is what others are compared with."""

_SHARE = click.FloatRange(0, 1)
_RPCS = {"converse": DEFAULT_TARGET, "transcribe": "127.0.0.1:50052", "synthesize": "127.0.0.1:50053"}
"""The contracts that are called directly, and where their servers are unless a port was changed."""


class _Wanted(NamedTuple):
    """What users do, and where."""

    url: str
    rpc: str | None
    target: str
    habits: Habits
    speech: list[Samples]

    def scenario(self) -> Scenario:
        """It, made anew for each run."""
        match self.rpc:
            case "converse":
                return Talking(ConverseTarget(self.target, pcm_voice(self.speech)), self.habits)
            case "transcribe":
                return Transcribing(self.target, pcm_voice(self.speech), TranscribingHabits(self.habits.turns))
            case "synthesize":
                return Synthesizing(self.target, SynthesizingHabits())
        voice = opus_voice(self.speech)
        if urlsplit(self.url).path == PATH:
            return Talking(ConverseJsonTarget(self.url, voice), self.habits)
        return Talking(RealtimeTarget(self.url, voice), self.habits)

    def address(self) -> tuple[str, int]:
        """The host and the port of the first server."""
        if self.rpc is not None:
            host, _, port = self.target.partition(",")[0].strip().rpartition(":")
            return host.strip("[]"), int(port)
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)


@click.command(
    cls=Command,
    examples=[
        ("parley load --sessions 20", "twenty people talk to the mesh of this machine for a minute"),
        ("parley load --sessions 60 --ramp 30 --duration 120 --html load.html", "more of them, and a report to send"),
        ("parley load --find-capacity --html load.html", "how many does this machine hold?"),
        ("parley load --sessions 20 --barge-in 0.3 --drop 0.1", "people who interrupt, and networks that fail"),
        ("parley load --url ws://127.0.0.1:8000/v1/converse", "in the dialect of Parley's own page"),
        ("parley load --rpc transcribe --target 10.0.0.7:50052", "a recogniser alone, from its contract"),
    ],
    exit_codes={
        ExitCode.DONE: "the test ran; its figures are on standard output",
        ExitCode.FAILED: "no session was admitted",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.option("--url", help=f"The edge, or Unmute's backend.  [default: {DEFAULT_URL}]")
@click.option("--rpc", type=click.Choice(list(_RPCS)), help="Call this gRPC contract instead of an edge.")
@click.option("--target", help="With --rpc: host:port, or several with commas.  [default: this machine's]")
@click.option("--sessions", type=click.IntRange(min=1), default=10, show_default=True, help="Users at once.")
@click.option(
    "--ramp",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help=f"How long it takes until all users are there.  [default: {_RAMP_S_PER_USER:g} a user]",
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
@click.option("--find-capacity", is_flag=True, help="Search how many users are held, beginning with --sessions.")
@click.option(
    "--limit-ms",
    type=click.FloatRange(min=1),
    metavar="MS",
    help=f"With --find-capacity: the highest p95.  [default: {SLOWER:g} times that of one user]",
)
@click.option("--pid", "pids", type=int, multiple=True, help="A process to measure; repeat.  [default: found by port]")
@click.option("--seed", type=int, help="Have users do the same again.")
@options.written_file("--json", "json_file", help="Write the figures and every turn to this file.")
@options.written_file("--html", "html_file", help="Write a report with charts to this file.")
def load(
    *,
    url: str | None,
    rpc: str | None,
    target: str | None,
    sessions: int,
    ramp: float | None,
    duration: float,
    turns: int,
    barge_in: float,
    drop: float,
    speech: tuple[Path, ...],
    find_capacity: bool,
    limit_ms: float | None,
    pids: tuple[int, ...],
    seed: int | None,
    json_file: Path | None,
    html_file: Path | None,
) -> None:
    """Talk to a running mesh as many people would, and measure what they experience.

    Each user speaks in real time, listens to the reply to its end, and asks the next question. Times count from the
    user's last sound. Whether or not the mesh keeps up, users go on speaking. If the mesh runs on this machine, the
    CPU time and memory of its processes are measured too. The load side measures its own lag; if that is too large,
    the result is marked as spoiled.

    With --find-capacity, a number of users is held if every session is admitted and kept, 99 of 100 turns are
    answered, and the 95th percentile stays below the limit.
    """
    if rpc is None and target is not None:
        raise click.UsageError("--target goes with --rpc")
    if rpc is not None and url is not None:
        raise click.UsageError("--url names an edge; with --rpc use --target")
    if rpc in ("transcribe", "synthesize") and (barge_in or drop):
        raise click.UsageError(f"nobody interrupts or drops in {rpc}: --barge-in and --drop go with conversations")
    if limit_ms is not None and not find_capacity:
        raise click.UsageError("--limit-ms goes with --find-capacity")
    wanted = _Wanted(
        url=edge_endpoint(url or DEFAULT_URL),
        rpc=rpc,
        target=_checked(target or _RPCS[rpc]) if rpc else "",
        habits=Habits(turns=turns, barge_in=barge_in, drop=drop),
        speech=[read_audio(path) for path in speech] or questions(),
    )
    runs = _Runs(wanted, duration, ramp, seed, _processes(wanted, pids))
    held: int | None = None
    limit_s: float | None = None
    if find_capacity:
        held, limit_s = runs.find_capacity(sessions, limit_ms / 1_000 if limit_ms else None)
    else:
        runs.run(sessions)
    _report(runs.results, held, limit_s, json_file, html_file)


class _Runs:
    """Runs with more and more users, and what they have shown."""

    def __init__(
        self, wanted: _Wanted, duration_s: float, ramp_s: float | None, seed: int | None, processes: Mapping[int, str]
    ) -> None:
        self.results: list[Result] = []
        self._wanted = wanted
        self._duration_s = duration_s
        self._ramp_s = ramp_s
        self._seed = seed
        self._processes = processes
        self._progress = _ProgressLine()

    def run(self, users: int, at_least_s: float = 0.0) -> Result:
        """Run with so many, at least so long."""
        ramp_s = _RAMP_S_PER_USER * users if self._ramp_s is None else self._ramp_s
        result = uvloop.run(
            run_load(
                Plan(users=users, ramp_s=ramp_s, duration_s=max(self._duration_s, at_least_s)),
                self._wanted.scenario(),
                processes=self._processes,
                options=self._wanted.habits._asdict() if self._wanted.rpc in (None, "converse") else None,
                on_progress=self._progress.show,
                seed=self._seed,
            )
        )
        self._progress.end()
        refused = result.records and all(record.end is End.REFUSED for record in result.records)
        # A search has seen that somebody is admitted.
        if refused and not self.results:
            reasons = ", ".join(result.refusals())
            raise Failure(f"no session was admitted at {result.target}: {reasons}. Start a mesh with: parley up")
        self.results.append(result)
        return result

    def find_capacity(self, first: int, limit_s: float | None) -> tuple[int, float]:
        """How many users are held, and the latency that they may have."""
        alone = self.run(1, at_least_s=_ALONE_S)
        found = alone.marks().get(alone.headline)
        if found is None:
            raise Failure(f"one user alone got no answer at {alone.target}")
        limit_s = SLOWER * found.p95 if limit_s is None else limit_s
        search = CapacitySearch(first)
        search.note(1, held=why_not_held(alone, limit_s) is None)
        while (users := search.next()) is not None:
            result = self.run(users)
            why = why_not_held(result, limit_s)
            if why is not None and result.lag.spoils:
                why += "; but the load side itself was late"
            search.note(users, held=why is None)
            click.echo(f"{users} users: {'held' if why is None else why}", err=True)
        return search.held, limit_s


def _report(
    results: list[Result], held: int | None, limit_s: float | None, json_file: Path | None, html_file: Path | None
) -> None:
    for result in results:
        for line in text.lines(result):
            click.echo(line)
        click.echo()
    if held is not None and limit_s is not None:
        click.echo(f"{held} users at once are held, with a p95 of at most {limit_s * 1_000:.0f} ms")
    if json_file is not None:
        written: Any = [result.to_json() for result in results]
        written = written[0] if held is None else {"held": held, "limit_s": limit_s, "runs": written}
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(written)))
    if html_file is not None:
        html_file.write_text(page.page(results, limit_s=limit_s, held=held), encoding="utf-8")


def _checked(target: str) -> str:
    """A target that names a host and a port. Raises `click.UsageError`."""
    try:
        parse_target(target)
    except BadTarget as error:
        raise click.UsageError(f"--target: {error}") from None
    return target


def _processes(wanted: _Wanted, pids: tuple[int, ...]) -> dict[int, str]:
    """The processes to measure, by id."""
    if pids:
        try:
            return named_processes(pids)
        except psutil.NoSuchProcess as gone:
            raise click.UsageError(f"--pid: there is no process {gone.pid}") from None
    with suppress(ValueError):
        host, port = wanted.address()
        return mesh_processes(port) if is_local(host) else {}
    return {}


class _ProgressLine:
    """How the test stands, on standard error: in place on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._console = console(stderr=True)
        self._printed_at = float("-inf")

    def show(self, progress: Progress) -> None:
        """Show it."""
        now = time.monotonic()
        if not self._console.is_terminal and now - self._printed_at < _PRINTED_EVERY_S:
            return
        self._printed_at = now
        line = (
            f"{progress.elapsed_s:4.0f} of {progress.total_s:.0f} s  {progress.live} of {progress.users} live, "
            f"{progress.turns} turns, {progress.headline}, {progress.refused} refused, "
            f"{progress.lost} lost, own lag {progress.lag_max_s * 1_000:.0f} ms"
        )
        self._console.print(line, end="\r" if self._console.is_terminal else "\n", overflow="crop", no_wrap=True)

    def end(self) -> None:
        """Leave the line."""
        self._printed_at = float("-inf")
        if self._console.is_terminal:
            self._console.print()
