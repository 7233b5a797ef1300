"""`parley doctor`: whether this machine is ready for Parley, and what to do if it is not."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence

import click
import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from launcher.checks.check import Check, Context, context_of, findings_of
from launcher.command import Command
from launcher.console import console
from launcher.failure import ExitCode
from launcher.options import MeshOptions, mesh_options
from mesh.engines.findings import Finding, State, wrong
from mesh.process.ports import authority

_SIGNS = {State.FINE: ("✓", "green"), State.ADVICE: ("!", "yellow"), State.WRONG: ("✗", "red")}
_PLAIN_SIGNS = {State.FINE: "+", State.ADVICE: "!", State.WRONG: "x"}
"""For terminals that cannot show the others."""

Report = list[tuple[str, Finding]]
"""Findings, each with the title of its check."""


@click.command(
    cls=Command,
    examples=[
        ("parley doctor", "before the first start, or when something is wrong"),
        ("parley doctor --llm http://127.0.0.1:11434", "with the language model you mean to use"),
        ("parley doctor --running", "is the mesh that runs here well?"),
        ("parley doctor --format json", "for a program"),
    ],
    exit_codes={
        ExitCode.DONE: "nothing is wrong; there may be advice",
        ExitCode.FAILED: "something is wrong; each fault is named, with what to do",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@mesh_options
@click.option("--running", is_flag=True, help="Expect a running mesh. If none runs, that is a fault.")
@click.option("--format", "chosen", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_context
def doctor(
    ctx: click.Context, port: int | None, port_offset: int, llm: str | None, *, running: bool, chosen: str
) -> None:
    """Check this machine: what is fine, what is wrong, and what to do about it.

    Changes nothing and shows no secret. Runs each embedded engine in a process of its own, and asks the language model
    for one word. If a mesh runs already, asks its processes whether they are ready.
    """
    printer = console() if chosen == "text" else None
    report = asyncio.run(_examine(MeshOptions(port, port_offset, llm), printer, running=running))
    if printer is None:
        click.echo(_as_json(report))
    else:
        _conclude(report, printer)
    if any(finding.state is State.WRONG for _, finding in report):
        ctx.exit(ExitCode.FAILED)


async def _examine(options: MeshOptions, printer: Console | None, *, running: bool) -> Report:
    """Run every check, all at once, and print what they find in their order."""
    # Here, because these load the code of the services, for which no other command should wait.
    from launcher.checks.all import CHECKS  # noqa: PLC0415

    context = await context_of(os.environ, options)
    report: Report = []
    if running and not context.running:
        found = f"no Parley answers at http://{authority(*context.planned.edge)}"
        report.append(("Running mesh", wrong("edge", found, "start it: parley up; or say where it is: --port")))
        if printer:
            _show(*report[-1], printer, first=True)
    async for title, findings in _findings(CHECKS, context, printer):
        for finding in findings:
            report.append((title, finding))
            if printer:
                _show(title, finding, printer, first=finding is findings[0])
    return report


async def _findings(
    checks: Mapping[str, Check], context: Context, printer: Console | None
) -> AsyncIterator[tuple[str, Sequence[Finding]]]:
    async with asyncio.TaskGroup() as group:
        tasks = {title: group.create_task(findings_of(check, context)) for title, check in checks.items()}
        for title, task in tasks.items():
            if printer is not None and printer.is_terminal and not task.done():
                with printer.status(f"{title} …"):
                    await task
            yield title, await task


def _show(title: str, finding: Finding, printer: Console, *, first: bool) -> None:
    if first:
        printer.print(Text(title, style="bold"))
    sign, style = _SIGNS[finding.state]
    if "utf" not in printer.encoding.lower():
        sign = _PLAIN_SIGNS[finding.state]
    line = Text.assemble((f"{sign} {finding.state:<6}", style), f"  {finding.about}: {finding.found}")
    printer.print(Padding(line, (0, 0, 0, 2), expand=False))
    if finding.remedy:
        printer.print(Padding(Text.assemble(("to do: ", "bold"), finding.remedy), (0, 0, 0, 12), expand=False))


def _conclude(report: Report, printer: Console) -> None:
    wrongs = [finding for _, finding in report if finding.state is State.WRONG]
    advised = sum(finding.state is State.ADVICE for _, finding in report)
    also = f" {advised} to know about." if advised else ""
    printer.print()
    if wrongs:
        thing = "1 thing is" if len(wrongs) == 1 else f"{len(wrongs)} things are"
        printer.print(Text.assemble((f"{thing} wrong.", "bold red"), also))
    else:
        printer.print(Text.assemble(("Nothing is wrong.", "bold green"), also))


def _as_json(report: Report) -> str:
    findings = [
        {
            "check": title,
            "state": finding.state,
            "about": finding.about,
            "found": finding.found,
            "remedy": finding.remedy,
        }
        for title, finding in report
    ]
    ok = all(finding.state is not State.WRONG for _, finding in report)
    return msgspec.json.format(msgspec.json.encode({"ok": ok, "findings": findings})).decode()
