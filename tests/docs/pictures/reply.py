"""The life of a reply."""

from orchestrator.conversation.reply import MOVES, Life
from tests.docs.pictures.graph import Node, Way, draw
from tests.docs.pictures.svg import Picture, Point

NODES = {
    Life.PREPARING: Node(120, 140, "amber", "the model writes"),
    Life.READY: Node(390, 140, "violet", "it waits for the floor"),
    Life.SPEAKING: Node(680, 140, "green", "it is released, paced"),
    Life.FINISHED: Node(970, 140, "grey", "all was heard"),
    Life.HELD: Node(680, 310, "blue", "nothing is released"),
    Life.CANCELLED: Node(390, 310, "red", "what was heard stays"),
}

WAYS = {
    (Life.PREPARING, Life.READY): Way(0, 0.5, "main", Point(0, -16)),
    (Life.READY, Life.SPEAKING): Way(0, 0.5, "main", Point(0, -16)),
    (Life.SPEAKING, Life.FINISHED): Way(0, 0.5, "main", Point(0, -16)),
    (Life.SPEAKING, Life.HELD): Way(14, 0.5, "line", Point(42, 0)),
    (Life.HELD, Life.SPEAKING): Way(14, 0.5, "line", Point(-34, 0)),
    (Life.PREPARING, Life.CANCELLED): Way(0, 0.5, "red-line"),
    (Life.READY, Life.CANCELLED): Way(0, 0.5, "red-line"),
    (Life.SPEAKING, Life.CANCELLED): Way(0, 0.5, "red-line"),
    (Life.HELD, Life.CANCELLED): Way(0, 0.5, "red-line", Point(0, 0)),
}

WORDS = {
    (Life.PREPARING, Life.READY): "first audio",
    (Life.READY, Life.SPEAKING): "the floor is free",
    (Life.SPEAKING, Life.FINISHED): "heard to its end",
    (Life.SPEAKING, Life.HELD): "speech over it",
    (Life.HELD, Life.SPEAKING): "no words",
    (Life.PREPARING, Life.CANCELLED): "a word, or a fault",
    (Life.READY, Life.CANCELLED): "a word",
    (Life.SPEAKING, Life.CANCELLED): "typed, or a word",
    (Life.HELD, Life.CANCELLED): "a word",
}


def reply() -> str:
    """The picture. KeyError for a move that has no words yet."""
    moves = {(before, after): WORDS[before, after] for before in Life for after in Life if after in MOVES[before]}
    told = "; ".join(f"{before.value} to {after.value}: {cause}" for (before, after), cause in moves.items())
    picture = Picture(1090, 390, "The life of a reply", told)
    picture.text(Point(36, 40), "The life of a reply", size=17, weight=700, anchor="start")
    draw(picture, NODES, WAYS, moves, size=(160, 58))
    return picture.written()
