from html.parser import HTMLParser

import msgspec
import pytest

from loadtest.report import page, text
from loadtest.report.chart import Axis, Chart, axis_to
from loadtest.sessions import End, Outcome
from tests.loadtest.made import result, session, turn

VOID = {"meta", "line", "rect", "circle", "polyline", "polygon"}


class Checked(HTMLParser):
    """Notes what is not closed in its turn, what is fetched from elsewhere, and the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.said = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.fetched += [f"{tag} {name}" for name, _ in attrs if name in {"src", "href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_data(self, data: str) -> None:
        self.said += data


def checked(html: str) -> Checked:
    parser = Checked()
    parser.feed(html.removeprefix("<!doctype html>"))
    parser.close()
    assert parser.open == []
    assert parser.fetched == []
    return parser


def test_a_page_that_needs_nothing_else() -> None:
    turns = [turn(0.7 + 0.01 * number, at_s=5.0 + number) for number in range(40)]
    made = result([session(turns), session([], End.REFUSED)])
    said = checked(page.page([made])).said
    for expected in ("2 users at once: first audio 920 ms p50", "refused: AT_CAPACITY", "<x>", "measured from here"):
        assert expected in said
    assert "Spoiled" not in said


def test_a_search_is_shown_by_its_best_run() -> None:
    runs = [result([session([turn(0.1 * users)] * 3)], users=users) for users in (8, 16, 12)]
    said = checked(page.page(runs, limit_s=1.25, held=12)).said
    assert "12 sessions at once are held: first audio 1200 ms p50" in said
    assert "Sessions against latency" in said


def test_a_result_that_the_load_side_has_spoiled_says_so() -> None:
    made = result([session([turn(0.8)])], lag_s=0.05)
    assert "Spoiled: the load side itself was late" in checked(page.page([made])).said
    assert any(line.startswith("SPOILED") for line in text.lines(made))


def test_a_result_without_anything_is_shown_too() -> None:
    checked(page.page([result([])]))
    assert "turns      0: none" in list(text.lines(result([])))


def test_a_summary_of_a_few_lines() -> None:
    made = result([session([turn(0.8), turn(1.0, Outcome.UNANSWERED), turn(9.0, at_s=3.0)]), session([], End.LOST)])
    said = "\n".join(text.lines(made))
    assert "first audio                          900       990       998      1000         2" in said
    assert "turns      2: 1 answered, 1 unanswered" in said
    assert "lost       1x AT_CAPACITY" in said
    assert "edge                                3.00        60" in said
    assert "all                                 3.60       100" in said


def test_json_has_the_figures_and_every_turn() -> None:
    made = result([session([turn(0.8), turn(0.9)])])
    read = msgspec.json.decode(msgspec.json.encode(made.to_json()))
    assert read["version"] == 1
    assert read["summary"]["marks_s"]["first_audio"]["p50"] == pytest.approx(0.85)
    assert read["summary"]["cpu_s_per_session_minute"]["all"] == pytest.approx(3.6)
    assert [each["first_audio"] for each in read["turns"]] == [0.8, 0.9]


@pytest.mark.parametrize(
    ("highest", "whole", "ticks"),
    [
        (97, False, [0, 20, 40, 60, 80, 100]),
        (3, True, [0, 1, 2, 3]),
        (0, True, [0, 1]),
        (0.4, False, [0, 0.1, 0.2, 0.3, 0.4]),
    ],
)
def test_ticks_are_round(highest: float, whole: bool, ticks: list[float]) -> None:
    assert list(axis_to(highest, "ms", whole=whole).ticks(5)) == pytest.approx(ticks)


def test_what_lies_beyond_an_axis_is_drawn_at_its_end() -> None:
    chart = Chart(Axis(0, 10, "s"), Axis(0, 100, "ms"), label="dots")
    chart.dots([(5, 1_000), (-3, -5)], "c0")
    drawn = chart.svg()
    assert 'cy="12.0"' in drawn
    assert 'cx="56.0" cy="220.0"' in drawn
