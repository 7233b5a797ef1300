"""What the processes expose is Unmute's, each metric by one of them, and documented."""

import itertools
import re

import pytest

from tests.metrics.contract import LABELS, ROWS, Row
from tests.metrics.exposed import PROCESSES, exposed
from tests.metrics.page import PAGE, page

EXPOSED = {process: {metric.name: metric for metric in exposed(process)} for process in PROCESSES}

COUNTED = [row for row in ROWS if EXPOSED[row.process]]


@pytest.mark.unmute("S12", "C13")
@pytest.mark.parametrize("row", COUNTED, ids=lambda row: row.name)
def test_unmutes_metrics_are_there_under_their_names(row: Row) -> None:
    metric = EXPOSED[row.process][row.name]
    assert (metric.kind, metric.buckets, metric.labels) == (row.kind, row.buckets, LABELS.get(row.name, ()))


def test_no_other_uses_unmutes_names() -> None:
    names = {name for metrics in EXPOSED.values() for name in metrics if name.startswith(("worker_", "http_"))}
    assert names == {row.name for row in COUNTED}


def test_no_metric_is_counted_by_two_processes() -> None:
    """Their sum would be twice what happened."""
    for one, other in itertools.combinations(EXPOSED.values(), 2):
        assert not one.keys() & other.keys()


def test_no_label_tells_sessions_apart() -> None:
    """Each value of a label is a series that Prometheus keeps: there must be few, however many people talk."""
    labels = {label for metrics in EXPOSED.values() for metric in metrics.values() for label in metric.labels}
    assert labels == {"handler", "method", "status", "cause", "dependency", "reason"}


def test_names_are_of_one_style() -> None:
    for metrics in EXPOSED.values():
        for metric in metrics.values():
            assert re.fullmatch(r"(worker|parley|http)(_[a-z]+)+", metric.name)
            assert metric.tells.endswith("."), metric


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), "write it anew: scripts/metrics"
