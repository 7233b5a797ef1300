"""A result as a few lines for a terminal."""

from collections.abc import Iterator, Mapping

from loadtest.results import Result
from loadtest.sessions import Outcome
from loadtest.statistics import Spread


def lines(result: Result) -> Iterator[str]:
    """The summary, line by line."""
    turns = result.turns()
    measured_s = result.measured_to_s - result.measured_from_s
    yield f"{result.users} users at {result.target}, measured for {measured_s:.0f} s"
    if result.lag.spoils:
        yield (
            f"SPOILED: the load side itself was late (p99 {_ms(result.lag.p99_s)}, microphones "
            f"{_ms(result.lag.frames_p99_s)}, at most {_ms(result.lag.max_s)} ms). Use fewer users, or another machine."
        )
    yield ""
    since = "the call" if result.kind == "synthesize" else "the end of speech"
    yield _row(f"ms after {since}", ("p50", "p95", "p99", "max", "turns"))
    for mark, found in result.marks().items():
        yield _row(mark.label, _spread(found))
    if stopped := result.stopped_after():
        yield _row("reply stopped, after barge-in", _spread(stopped))
    yield ""
    outcomes = result.outcomes()
    said = ", ".join(f"{count} {str(outcome).replace('_', ' ')}" for outcome, count in outcomes.items())
    yield f"turns      {len(turns)}: {said or 'none'}"
    yield f"playback   {_playback(result)}"
    yield f"sessions   {_sessions(result)}"
    for title, counted in (("refused", result.refusals()), ("lost", result.losses()), ("warnings", result.warnings())):
        if counted:
            yield f"{title:<10} {_counted(counted)}"
    if refused := result.refused_after():
        before = sum(each.before_upgrade for each in result.records)
        yield f"           refusals took {_inline(refused)}; {before} of {refused.count} came before the upgrade"
    yield from _processes(result)
    yield (
        f"load side  lag p99 {_ms(result.lag.p99_s)}, at most {_ms(result.lag.max_s)} ms; "
        f"{result.lag.cpu_share:.0%} of a processor"
    )


def _playback(result: Result) -> str:
    turns = result.turns()
    dry = [turn for turn in turns if turn.underruns]
    lacked_s = sum(turn.underrun_s for turn in dry)
    audio_s = sum(turn.audio_s for turn in turns)
    late = sum(turn.late_audio for turn in turns)
    said = f"{audio_s:.0f} s of speech; {len(dry)} replies ran dry, for {lacked_s:.2f} s altogether"
    return said + (f"; {late} messages of audio came after their reply's end" if late else "")


def _sessions(result: Result) -> str:
    admitted = result.admitted_after()
    counted = f"{len(result.records)}; {sum(result.refusals().values())} refused, {sum(result.losses().values())} lost"
    return counted + (f"; admitted after {_inline(admitted)}" if admitted else "")


def _processes(result: Result) -> Iterator[str]:
    per_minute = result.cpu_per_session_minute()
    if not per_minute:
        return
    yield ""
    yield _row("process", ("CPU-s/min", f"{result.memory_kind} MB"))
    for each in result.processes:
        yield _row(each.name, (f"{per_minute[each.name]:.2f}", f"{each.memory_mb:.0f}"))
    memory = sum(each.memory_mb for each in result.processes)
    yield _row("all", (f"{sum(per_minute.values()):.2f}", f"{memory:.0f}"))
    yield "CPU seconds for a minute of one session; memory at its highest"


def _row(title: str, cells: tuple[str, ...]) -> str:
    return f"{title:<30}" + "".join(f"{cell:>10}" for cell in cells)


def _spread(found: Spread) -> tuple[str, ...]:
    return (_ms(found.p50), _ms(found.p95), _ms(found.p99), _ms(found.max), str(found.count))


def _inline(found: Spread) -> str:
    return f"p50 {_ms(found.p50)}, p95 {_ms(found.p95)}, p99 {_ms(found.p99)}, max {_ms(found.max)} ms"


def _counted(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{count}x {reason}" for reason, count in counted.items())


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:.0f}"


def is_clean(result: Result) -> bool:
    """Whether every session was admitted and kept, and every turn answered."""
    return not result.refusals() and not result.losses() and set(result.outcomes()) <= {Outcome.ANSWERED}
