"""The tables of docs/metrics.md, made of what the processes expose."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.metrics.exposed import PROCESSES, Exposed, exposed

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
MARK = "<!-- from here on written by scripts/metrics -->\n"


def page() -> str:
    """The page as it should be: what people wrote, up to the mark, and the tables."""
    written, mark, _ = PAGE.read_text().partition(MARK)
    return written + mark + "".join(_section(process) for process in PROCESSES)


def _section(process: str) -> str:
    rows = [*_rows(exposed(process))]
    if not rows:
        return ""
    return "\n".join(["", f"## `{process}`", "", "| metric | kind | tells |", "|---|---|---|", *rows, ""])


def _rows(metrics: Iterable[Exposed]) -> Iterator[str]:
    for metric in metrics:
        labels = f"{{{', '.join(metric.labels)}}}" if metric.labels else ""
        bounds = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.buckets else ""
        yield f"| `{metric.name}{labels}` | {metric.kind} | {metric.tells}{bounds} |"
