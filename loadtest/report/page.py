"""Results as one HTML file that needs nothing else: charts, tables, and what the figures mean."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from importlib.resources import files

from loadtest.report.chart import COLOURS, Axis, Chart, axis_to
from loadtest.results import Result
from loadtest.sessions import Outcome
from loadtest.statistics import Spread, percentile

_WINDOWS = 24
"""Into how many parts a test is cut for the lines of its medians."""
_CLASSES = 40
"""Of the distribution."""

_KINDS = {
    "conversation": "Conversations",
    "transcribe": "Recognition",
    "synthesize": "Synthesis",
}


def page(results: Sequence[Result], *, limit_s: float | None = None, held: int | None = None) -> str:
    """The report of one test, or of a search for the capacity: `results` in the order of the runs.

    With a search, `held` is how many users the mesh held and `limit_s` the latency they may have had. The charts of
    single runs are of the one with most users that were held.
    """
    shown = max((each for each in results if held is None or each.users <= held), key=lambda each: each.users)
    style = (files("loadtest") / "report" / "page.css").read_text(encoding="utf-8")
    title = f"{_KINDS[shown.kind]} at {shown.target}"
    body = "".join(_body(results, shown, limit_s, held))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Load test: {escape(title)}</title><style>{style}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>\n"
    )


def _body(results: Sequence[Result], shown: Result, limit_s: float | None, held: int | None) -> Iterator[str]:
    machine = shown.machine
    yield (
        f"<p class=sub>{escape(shown.started)} · {machine['processors']} processors "
        f"({escape(str(machine['processor']))}), "
        f"{machine['memory_mb'] / 1024:.0f} GiB · Python {escape(str(machine['python']))}</p>"
    )
    yield f"<p class=verdict>{escape(_verdict(shown, limit_s, held))}</p>"
    if shown.lag.spoils:
        yield (
            "<p class=spoiled>Spoiled: the load side itself was late "
            f"({shown.lag.max_s * 1_000:.0f} ms at most, {shown.lag.p99_s * 1_000:.0f} ms p99). These figures say more "
            "of the machine that ran the test than of what it tested.</p>"
        )
    yield _tiles(shown)
    if len(results) > 1:
        yield _section("Sessions against latency", _by_users(results, limit_s), _runs(results))
    yield _section(
        f"{shown.headline.label.capitalize()} over time",
        _over_time(shown),
        "<p>Each dot is a turn. The lines are the median and the 95th percentile of the turns around that time.</p>",
    )
    yield _section(f"How {shown.headline.label} is distributed", _distribution(shown))
    yield _section("Where the time goes", _moments(shown))
    yield _section("Sessions", _live(shown), _sessions(shown))
    if shown.processes:
        yield _section("Processes", _cpu(shown), _processes(shown))
    yield _section("What was measured", _meaning(shown))


def _verdict(result: Result, limit_s: float | None, held: int | None) -> str:
    found = result.marks().get(result.headline)
    said = (
        f"{result.headline.label} {found.p50 * 1_000:.0f} ms p50, {found.p95 * 1_000:.0f} ms p95"
        if found
        else "no answer"
    )
    if held is not None and limit_s is not None:
        return f"{held} sessions at once are held: {said} (at most {limit_s * 1_000:.0f} ms allowed)."
    turns, answered = len(result.turns()), result.outcomes().get(Outcome.ANSWERED, 0)
    refused, lost = sum(result.refusals().values()), sum(result.losses().values())
    sessions = f"{refused} sessions refused, {lost} lost"
    return f"{result.users} users at once: {said}. {answered} of {turns} turns answered, {sessions}."


def _tiles(result: Result) -> str:
    found = result.marks().get(result.headline)
    turns = result.turns()
    answered = result.outcomes().get(Outcome.ANSWERED, 0)
    dry = sum(1 for turn in turns if turn.underruns)
    tiles = {
        "users at once": str(result.users),
        f"{result.headline.label}, median": f"{found.p50 * 1_000:.0f} ms" if found else "none",
        f"{result.headline.label}, p95": f"{found.p95 * 1_000:.0f} ms" if found else "none",
        "turns answered": f"{answered / len(turns):.1%}" if turns else "none",
        "sessions refused": str(sum(result.refusals().values())),
        "sessions lost": str(sum(result.losses().values())),
        "replies that ran dry": str(dry),
    }
    if per_minute := result.cpu_per_session_minute():
        tiles["CPU-s a session-minute"] = f"{sum(per_minute.values()):.2f}"
    return (
        "<dl class=tiles>"
        + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in tiles.items())
        + "</dl>"
    )


def _over_time(result: Result) -> str:
    turns = [
        (turn.at_s, turn.marks[result.headline] * 1_000) for turn in result.all_turns() if result.headline in turn.marks
    ]
    end = result.measured_to_s
    highest = max((y for _, y in turns), default=1.0)
    chart = Chart(
        Axis(0.0, end, "seconds since the beginning"), axis_to(highest, "ms"), label="latency of each turn over time"
    )
    chart.dots(turns, "c0 faint", "a turn")
    width = end / _WINDOWS
    medians, slow = [], []
    for number in range(_WINDOWS):
        near = sorted(y for x, y in turns if number * width <= x < (number + 1) * width)
        if near:
            middle = (number + 0.5) * width
            medians.append((middle, percentile(near, 0.5)))
            slow.append((middle, percentile(near, 0.95)))
    chart.line(slow, "c1", "p95")
    chart.line(medians, "c0", "median")
    if result.measured_from_s > 0:
        chart.upright(result.measured_from_s, "measured from here")
    return chart.svg()


def _distribution(result: Result) -> str:
    found = sorted(turn.marks[result.headline] * 1_000 for turn in result.turns() if result.headline in turn.marks)
    if not found:
        return "<p>There was nothing to measure.</p>"
    low, high = min(found), max(found)
    width = max((high - low) / _CLASSES, 1.0)
    counted = [0] * (int((high - low) / width) + 1)
    for each in found:
        counted[int((each - low) / width)] += 1
    axis = Axis(low, low + width * len(counted), f"ms until {result.headline.label}")
    chart = Chart(axis, axis_to(max(counted), "turns", whole=True), label="distribution of the latency", height=220)
    for number, count in enumerate(counted):
        if count:
            chart.bar(low + number * width, low + (number + 1) * width, count, "c0")
    for row, (said, share) in enumerate((("p50", 0.5), ("p95", 0.95), ("p99", 0.99))):
        at = percentile(found, share)
        chart.upright(at, f"{said} {at:.0f} ms", row)
    return chart.svg()


def _moments(result: Result) -> str:
    rows = [
        (
            mark.label,
            *(f"{each * 1_000:.0f}" for each in (found.p50, found.p95, found.p99, found.max)),
            str(found.count),
        )
        for mark, found in result.marks().items()
    ]
    if stopped := result.stopped_after():
        rows.append(("reply stopped, after barge-in", *_cells(stopped)))
    said = "ms after the user's last sound" if result.kind != "synthesize" else "ms after the call"
    return _table([said, "p50", "p95", "p99", "max", "turns"], rows)


def _cells(found: Spread) -> tuple[str, ...]:
    return (*(f"{each * 1_000:.0f}" for each in (found.p50, found.p95, found.p99, found.max)), str(found.count))


def _live(result: Result) -> str:
    most = max((count for _, count in result.live), default=1)
    chart = Chart(
        Axis(0.0, result.measured_to_s, "seconds since the beginning"),
        axis_to(max(most, result.users), "sessions", whole=True),
        label="sessions that are live, over time",
        height=180,
    )
    chart.area(result.live, "c2", "live sessions")
    chart.level(result.users, f"{result.users} users")
    return chart.svg()


def _sessions(result: Result) -> str:
    rows = [("sessions", str(len(result.records)))]
    if admitted := result.admitted_after():
        rows.append(("admitted after", f"{admitted.p50 * 1_000:.0f} ms p50, {admitted.p95 * 1_000:.0f} ms p95"))
    rows += [(f"refused: {reason}", str(count)) for reason, count in result.refusals().items()]
    if refused := result.refused_after():
        rows.append(("refused after", f"{refused.p50 * 1_000:.0f} ms p50, {refused.p99 * 1_000:.0f} ms p99"))
    rows += [(f"lost: {reason}", str(count)) for reason, count in result.losses().items()]
    rows += [(f"turns {str(outcome).replace('_', ' ')}", str(count)) for outcome, count in result.outcomes().items()]
    turns = result.turns()
    dry_s = sum(turn.underrun_s for turn in turns)
    rows.append(("speech that was heard", f"{sum(turn.audio_s for turn in turns):.0f} s, {dry_s:.2f} s too late"))
    rows += [(f"warning: {said}", str(count)) for said, count in result.warnings().items()]
    return _table(["", ""], rows)


def _cpu(result: Result) -> str:
    highest = max((share for each in result.processes for share in each.cpu_shares[:-1]), default=0.1)
    chart = Chart(
        Axis(0.0, result.measured_to_s, "seconds since the beginning"),
        axis_to(highest * 100, "% of a processor"),
        label="CPU use of each process over time",
    )
    for number, each in enumerate(result.processes):
        shares = [(at, 100 * share) for at, share in zip(each.times, each.cpu_shares, strict=True)]
        # The last sample may follow too closely for a share that means anything.
        chart.line(shares[:-1] if len(shares) > 1 else shares, f"c{number % COLOURS}", each.name)
    return chart.svg()


def _processes(result: Result) -> str:
    per_minute = result.cpu_per_session_minute()
    rows = [(each.name, f"{per_minute.get(each.name, 0.0):.2f}", f"{each.memory_mb:.0f}") for each in result.processes]
    memory = sum(each.memory_mb for each in result.processes)
    rows.append(("all", f"{sum(per_minute.values()):.2f}", f"{memory:.0f}"))
    return _table(["process", "CPU seconds a session-minute", f"{result.memory_kind} at its highest, MB"], rows)


def _by_users(results: Sequence[Result], limit_s: float | None) -> str:
    found = {each.users: each.marks().get(each.headline) for each in results}
    points: Mapping[int, Spread] = {users: each for users, each in sorted(found.items()) if each is not None}
    highest = max((each.p95 for each in points.values()), default=1.0)
    if limit_s is not None:
        # What is far beyond the limit would make everything else flat.
        highest = min(highest, 3 * limit_s)
    chart = Chart(
        axis_to(max(found), "users at once", whole=True),
        axis_to(highest * 1_000, "ms"),
        label="latency by number of users",
    )
    for colour, title, share in (("c1", "p95", "p95"), ("c0", "median", "p50")):
        line = [(float(users), getattr(each, share) * 1_000) for users, each in points.items()]
        chart.line(line, colour, title)
        chart.dots(line, colour)
    if limit_s is not None:
        chart.level(limit_s * 1_000, f"limit {limit_s * 1_000:.0f} ms")
    return chart.svg()


def _runs(results: Sequence[Result]) -> str:
    rows = []
    for each in sorted(results, key=lambda one: one.users):
        found = each.marks().get(each.headline)
        per_minute = each.cpu_per_session_minute()
        rows.append(
            (
                str(each.users),
                f"{found.p50 * 1_000:.0f}" if found else "-",
                f"{found.p95 * 1_000:.0f}" if found else "-",
                f"{each.outcomes().get(Outcome.ANSWERED, 0)} of {len(each.turns())}",
                str(sum(each.refusals().values())),
                str(sum(each.losses().values())),
                f"{sum(per_minute.values()):.2f}" if per_minute else "-",
                "yes" if each.lag.spoils else "",
            )
        )
    heads = ["users", "p50 ms", "p95 ms", "turns answered", "refused", "lost", "CPU-s a session-minute", "spoiled"]
    return _table(heads, rows)


def _meaning(result: Result) -> str:
    options = ", ".join(f"{name} {value}" for name, value in result.options.items())
    versions = ", ".join(f"{name} {version}" for name, version in result.machine["versions"].items())
    return (
        "<p>Users are simulated: each opens a connection, speaks recorded questions in real time, listens to each "
        "reply to its end, and goes on after a pause. They go on speaking whether or not they are answered in time. "
        "Times count from the user's last sound. A reply ran dry if its audio came later than it was needed. Figures "
        f"are of the time from {result.measured_from_s:.0f} to {result.measured_to_s:.0f} s, when all users were there."
        f"</p><p>The load side was late by {result.lag.p99_s * 1_000:.1f} ms (p99), at most "
        f"{result.lag.max_s * 1_000:.0f} ms, and used {result.lag.cpu_share:.0%} of a processor.</p>"
        f"<p class=fine>{escape(options)}. {escape(str(result.machine['system']))}, {escape(versions)}; load average "
        f"at the end {result.machine['load_average'][0]:.1f}.</p>"
    )


def _section(title: str, *parts: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    shown = f"<thead><tr>{head}</tr></thead>" if any(heads) else ""
    return f"<div class=wide><table>{shown}<tbody>{body}</tbody></table></div>"
