"""Just enough SVG for our pictures: text, boxes and curves, in colours that suit light and dark readers."""

import math
from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

_STYLE = """
svg { --card: #ffffff; --edge: #e4e7ec; --ink: #1d2939; --soft: #667085; --line: #98a2b3; --main: #475467;
  --grey: #f2f4f7; --blue: #e0f2fe; --violet: #ede9fe; --amber: #fef3c7; --green: #dcfce7; --red: #fee4e2;
  --grey-line: #98a2b3; --blue-line: #0284c7; --violet-line: #7c3aed; --amber-line: #d97706; --green-line: #16a34a;
  --red-line: #d92d20; }
@media (prefers-color-scheme: dark) {
svg { --card: #15181e; --edge: #2b303b; --ink: #e8eaf0; --soft: #98a2b3; --line: #667085; --main: #b4bccb;
  --grey: #252a33; --blue: #0c2f45; --violet: #2e2352; --amber: #43300b; --green: #103a20; --red: #4a1712;
  --grey-line: #7d8798; --blue-line: #38bdf8; --violet-line: #a78bfa; --amber-line: #fbbf24; --green-line: #4ade80;
  --red-line: #f97066; }
}
text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif;
  fill: var(--ink); }
""".strip()


class Point(NamedTuple):
    """A place, in pixels from the top left."""

    x: float
    y: float


class Box(NamedTuple):
    """A rectangle by its centre and its size."""

    centre: Point
    width: float
    height: float

    def holds(self, point: Point, margin: float) -> bool:
        """Whether the point is inside, or within `margin` of it."""
        return (
            abs(point.x - self.centre.x) <= self.width / 2 + margin
            and abs(point.y - self.centre.y) <= self.height / 2 + margin
        )


class Picture:
    """A picture in the making, on a card of its own so that it can be read on any page."""

    def __init__(self, width: int, height: int, title: str, description: str) -> None:
        self._width, self._height = width, height
        self._title, self._description = title, description
        self._parts: list[str] = []

    def rect(
        self, box: Box, *, fill: str, line: str = "none", radius: float = 10, width: float = 1.5, dash: str = ""
    ) -> None:
        """A rectangle with round corners."""
        self._parts.append(
            f'<rect x="{_n(box.centre.x - box.width / 2)}" y="{_n(box.centre.y - box.height / 2)}"'
            f' width="{_n(box.width)}" height="{_n(box.height)}" rx="{_n(radius)}" fill="{_colour(fill)}"'
            f' stroke="{_colour(line)}" stroke-width="{_n(width)}"{_dash(dash)}/>'
        )

    def text(
        self, at: Point, words: str, *, size: float = 13, weight: int = 400, colour: str = "ink",
        anchor: str = "middle", halo: bool = False,
    ) -> None:  # fmt: skip
        """Words centred on a point, vertically too. A halo keeps lines off them."""
        around = ' paint-order="stroke" stroke="var(--card)" stroke-width="6" stroke-linejoin="round"' if halo else ""
        self._parts.append(
            f'<text x="{_n(at.x)}" y="{_n(at.y + size * 0.35)}" font-size="{_n(size)}" font-weight="{weight}"'
            f' text-anchor="{anchor}" style="fill: {_colour(colour)}"{around}>{escape(words)}</text>'
        )

    def line(self, start: Point, end: Point, *, colour: str = "line", width: float = 1.5, dash: str = "") -> None:
        """A straight line."""
        self._parts.append(
            f'<line x1="{_n(start.x)}" y1="{_n(start.y)}" x2="{_n(end.x)}" y2="{_n(end.y)}"'
            f' stroke="{_colour(colour)}" stroke-width="{_n(width)}"{_dash(dash)}/>'
        )

    def arrow(self, curve: Sequence[Point], *, colour: str, width: float) -> None:
        """A curve through these points, with a head at its end."""
        tip, before = curve[-1], curve[-4]
        angle = math.atan2(tip.y - before.y, tip.x - before.x)
        size = 5 + 2 * width
        wings = [
            Point(tip.x - size * math.cos(angle + turn), tip.y - size * math.sin(angle + turn))
            for turn in (0.42, -0.42)
        ]
        path = " L".join(f"{_n(point.x)} {_n(point.y)}" for point in curve[:-1])
        head = " ".join(f"{_n(point.x)},{_n(point.y)}" for point in (tip, *wings))
        self._parts.append(
            f'<path d="M{path}" fill="none" stroke="{_colour(colour)}" stroke-width="{_n(width)}"'
            f' stroke-linecap="round"/><polygon points="{head}" fill="{_colour(colour)}"/>'
        )

    def written(self) -> str:
        """The whole picture as a file."""
        size = f'width="{self._width}" height="{self._height}"'
        inside = f'width="{self._width - 2}" height="{self._height - 2}"'
        head = f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width} {self._height}" {size} role="img">
<title>{escape(self._title)}</title>
<desc>{escape(self._description)}</desc>
<style>
{_STYLE}
</style>
<rect x="1" y="1" rx="14" {inside} fill="var(--card)" stroke="var(--edge)"/>
"""
        return head + "\n".join((*self._parts, "</svg>\n"))


def bow(start: Box, end: Box, bend: float) -> list[Point]:
    """The points of a curve from one box to another that bends to its left by `bend` pixels, and touches neither."""
    middle = Point((start.centre.x + end.centre.x) / 2, (start.centre.y + end.centre.y) / 2)
    across, along = end.centre.y - start.centre.y, end.centre.x - start.centre.x
    length = math.hypot(across, along)
    control = Point(middle.x + 2 * bend * across / length, middle.y - 2 * bend * along / length)
    return [
        point
        for step in range(401)
        for point in [_between(start.centre, control, end.centre, step / 400)]
        if not start.holds(point, 4) and not end.holds(point, 5)
    ]


def _between(start: Point, control: Point, end: Point, t: float) -> Point:
    return Point(
        *((1 - t) ** 2 * a + 2 * t * (1 - t) * b + t**2 * c for a, b, c in zip(start, control, end, strict=True))
    )


def _colour(name: str) -> str:
    return name if name == "none" else f"var(--{name})"


def _dash(dash: str) -> str:
    return f' stroke-dasharray="{dash}"' if dash else ""


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
