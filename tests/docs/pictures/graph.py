"""Pictures of states and the ways between them. Where things are is written here; what there is, the core tells."""

from collections.abc import Mapping
from enum import Enum
from textwrap import wrap
from typing import NamedTuple, TypeVar

from tests.docs.pictures.svg import Box, Picture, Point, bow

_LINE_CHARACTERS = 21
_LINE_HEIGHT = 15

State = TypeVar("State", bound=Enum)


class Node(NamedTuple):
    """Where a state is, and how it looks."""

    x: float
    y: float
    colour: str
    below: str = ""
    """What it means, in small print."""


class Way(NamedTuple):
    """How one leads to another: how far it bends to its left, and where its words are, from 0 (start) to 1 (end)."""

    bend: float = 0
    words_at: float = 0.5
    kind: str = "line"
    """Its colour; "main" ways are heavy."""
    shift: Point = Point(0, 0)
    """How far its words are moved."""


def draw(
    picture: Picture,
    nodes: Mapping[State, Node],
    ways: Mapping[tuple[State, State], Way],
    words: Mapping[tuple[State, State], str],
    size: tuple[float, float] = (124, 46),
) -> None:
    """Draw every one of `words`. KeyError for a way, or a state, that has no place yet."""
    boxes = {state: Box(Point(node.x, node.y), *size) for state, node in nodes.items()}
    curves = {move: bow(boxes[move[0]], boxes[move[1]], ways[move].bend) for move in words}
    for move, curve in sorted(curves.items(), key=lambda each: ways[each[0]].kind == "main"):
        kind = ways[move].kind
        picture.arrow(curve, colour=kind, width=2.5 if kind == "main" else 1.5)
    for move, curve in curves.items():
        way = ways[move]
        at = curve[round(way.words_at * (len(curve) - 1))]
        colour = {"line": "soft", "main": "ink"}.get(way.kind, way.kind)
        weight = 600 if way.kind == "main" else 400
        lines = wrap(words[move], _LINE_CHARACTERS)
        for number, line in enumerate(lines):
            y = at.y + way.shift.y + (number - (len(lines) - 1) / 2) * _LINE_HEIGHT
            picture.text(Point(at.x + way.shift.x, y), line, size=12, weight=weight, colour=colour, halo=True)
    for state, node in nodes.items():
        box = boxes[state]
        picture.rect(box, fill=node.colour, line=f"{node.colour}-line", radius=12, width=2)
        name = box.centre if not node.below else Point(box.centre.x, box.centre.y - 8)
        picture.text(name, state.value, size=15, weight=600)
        if node.below:
            picture.text(Point(box.centre.x, box.centre.y + 11), node.below, size=11, colour="soft")
