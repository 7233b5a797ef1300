"""Charts as inline SVG: axes with round numbers, and what is drawn between them. Colours come from the page's CSS."""

import math
from collections.abc import Callable, Iterator, Sequence
from html import escape
from typing import NamedTuple

COLOURS = 8
"""How many series colours the style sheet has, as classes `c0` to `c7`."""

_MARGIN = (12, 16, 40, 56)
"""Top, right, bottom and left of the drawing, in pixels: room for what stands at the axes."""


class Axis(NamedTuple):
    """One axis: its range, its title, and how a number at it is written."""

    low: float
    high: float
    title: str
    whole: bool = False
    """Whether it counts things, of which there are no halves."""
    written: Callable[[float], str] = "{:g}".format

    def ticks(self, about: int) -> Iterator[float]:
        """Round numbers within the range, about so many."""
        step = _round_up((self.high - self.low) / about, whole=self.whole)
        at = math.ceil(self.low / step - 1e-9)
        while at * step <= self.high * (1 + 1e-9):
            yield at * step
            at += 1


def axis_to(highest: float, title: str, *, whole: bool = False) -> Axis:
    """An axis from zero to a round number that is not below `highest`. See `Axis.whole`."""
    step = _round_up(max(highest, 1e-9) / 5, whole=whole)
    return Axis(0.0, math.ceil(highest / step - 1e-9) * step or step, title, whole)


class Chart:
    """One drawing. What is added later lies above. `label` says what it shows, for those who cannot see it."""

    def __init__(self, x: Axis, y: Axis, *, label: str, width: int = 720, height: int = 260) -> None:
        self._x = x
        self._y = y
        self._width = width
        self._height = height
        self._label = label
        self._parts: list[str] = []
        self._legend: list[tuple[str, str]] = []

    def line(self, points: Sequence[tuple[float, float]], colour: str, title: str | None = None) -> None:
        """Connect the points. With a `title` it is in the legend."""
        if points:
            path = " ".join(f"{self._across(x):.1f},{self._up(y):.1f}" for x, y in points)
            self._parts.append(f'<polyline class="line {colour}" points="{path}"/>')
            self._note(colour, title)

    def area(self, points: Sequence[tuple[float, float]], colour: str, title: str | None = None) -> None:
        """Fill what is below the points."""
        if points:
            floor = self._up(self._y.low)
            path = " ".join(f"{self._across(x):.1f},{self._up(y):.1f}" for x, y in points)
            first, last = self._across(points[0][0]), self._across(points[-1][0])
            self._parts.append(
                f'<polygon class="area {colour}" points="{first:.1f},{floor:.1f} {path} {last:.1f},{floor:.1f}"/>'
            )
            self._note(colour, title)

    def dots(self, points: Sequence[tuple[float, float]], colour: str, title: str | None = None) -> None:
        """A dot at each point."""
        for x, y in points:
            self._parts.append(
                f'<circle class="dot {colour}" cx="{self._across(x):.1f}" cy="{self._up(y):.1f}" r="2.5"/>'
            )
        if points:
            self._note(colour, title)

    def bar(self, low: float, high: float, top: float, colour: str) -> None:
        """A bar between two places, from the floor to `top`."""
        left, right = self._across(low) + 0.5, self._across(high) - 0.5
        height = self._up(self._y.low) - self._up(top)
        self._parts.append(
            f'<rect class="bar {colour}" x="{left:.1f}" y="{self._up(top):.1f}" '
            f'width="{max(right - left, 0.5):.1f}" height="{height:.1f}"/>'
        )

    def upright(self, x: float, said: str, row: int = 0) -> None:
        """A line across the chart at `x`, with a word at its top, in one of several rows so that none hides another."""
        across, top = self._across(x), _MARGIN[0]
        end = across > self._width * 0.8
        self._parts.append(
            f'<line class="mark" x1="{across:.1f}" x2="{across:.1f}" y1="{top}" y2="{self._up(self._y.low):.1f}"/>'
            f'<text class="note" x="{across + (-4 if end else 4):.1f}" y="{top + 11 + 14 * row}" '
            f'text-anchor="{"end" if end else "start"}">{escape(said)}</text>'
        )

    def level(self, y: float, said: str) -> None:
        """A dashed line at `y`, with a word at its end."""
        up = self._up(y)
        right = self._width - _MARGIN[1]
        self._parts.append(
            f'<line class="mark" x1="{_MARGIN[3]}" x2="{right}" y1="{up:.1f}" y2="{up:.1f}"/>'
            f'<text class="note" x="{right - 4}" y="{up - 5:.1f}" text-anchor="end">{escape(said)}</text>'
        )

    def svg(self) -> str:
        """The drawing, with its legend."""
        drawn = "".join([*self._axes(), *self._parts])
        legend = "".join(f'<li><i class="{colour}"></i>{escape(title)}</li>' for colour, title in self._legend)
        return (
            f'<figure><svg viewBox="0 0 {self._width} {self._height}" role="img" aria-label="{escape(self._label)}">'
            f"{drawn}</svg>{f'<ul class=legend>{legend}</ul>' if legend else ''}</figure>"
        )

    def _axes(self) -> Iterator[str]:
        top, right, bottom, left = _MARGIN
        floor, end = self._height - bottom, self._width - right
        for y in self._y.ticks(5):
            up = self._up(y)
            yield f'<line class="grid" x1="{left}" x2="{end}" y1="{up:.1f}" y2="{up:.1f}"/>'
            yield f'<text class="tick" x="{left - 6}" y="{up + 4:.1f}" text-anchor="end">{self._y.written(y)}</text>'
        for x in self._x.ticks(8):
            across = self._across(x)
            said = self._x.written(x)
            yield f'<text class="tick" x="{across:.1f}" y="{floor + 16}" text-anchor="middle">{said}</text>'
        yield f'<line class="axis" x1="{left}" x2="{end}" y1="{floor}" y2="{floor}"/>'
        at = f'x="{(left + end) / 2}" y="{self._height - 6}"'
        yield f'<text class="title" {at} text-anchor="middle">{escape(self._x.title)}</text>'
        turned = f"translate(13,{(top + floor) / 2}) rotate(-90)"
        yield f'<text class="title" transform="{turned}" text-anchor="middle">{escape(self._y.title)}</text>'

    def _note(self, colour: str, title: str | None) -> None:
        if title is not None:
            self._legend.append((colour, title))

    def _across(self, x: float) -> float:
        share = (min(max(x, self._x.low), self._x.high) - self._x.low) / (self._x.high - self._x.low)
        return _MARGIN[3] + share * (self._width - _MARGIN[1] - _MARGIN[3])

    def _up(self, y: float) -> float:
        share = (min(max(y, self._y.low), self._y.high) - self._y.low) / (self._y.high - self._y.low)
        return self._height - _MARGIN[2] - share * (self._height - _MARGIN[0] - _MARGIN[2])


def _round_up(step: float, *, whole: bool) -> float:
    """The next of 1, 2, 2.5, 5 and 10 times a power of ten; with `whole`, the next that is one."""
    if whole:
        step = max(step, 1.0)
    power = 10.0 ** math.floor(math.log10(max(step, 1e-12)))
    steps = (factor * power for factor in (1, 2, 2.5, 5, 10))
    return next(each for each in steps if each >= step * (1 - 1e-9) and (not whole or each.is_integer()))
