"""The phases of a conversation, and every way from one to another."""

from orchestrator.conversation import TRANSITIONS, Phase
from tests.docs.pictures.graph import Node, Way, draw
from tests.docs.pictures.svg import Picture, Point

NODES = {
    Phase.ENDED: Node(114, 330, "grey", "the line is closed"),
    Phase.WAITING: Node(420, 330, "grey", "nobody has the floor"),
    Phase.LISTENING: Node(680, 170, "blue", "the person speaks"),
    Phase.ENDPOINTING: Node(1030, 170, "violet", "have they finished?"),
    Phase.THINKING: Node(1030, 490, "amber", "a reply is prepared"),
    Phase.SPEAKING: Node(680, 490, "green", "a reply is heard"),
}

WAYS = {
    (Phase.WAITING, Phase.LISTENING): Way(26, 0.5, "main", Point(-30, 0)),
    (Phase.LISTENING, Phase.ENDPOINTING): Way(12, 0.5, "main"),
    (Phase.ENDPOINTING, Phase.THINKING): Way(26, 0.5, "main", Point(50, 0)),
    (Phase.THINKING, Phase.SPEAKING): Way(12, 0.5, "main"),
    (Phase.SPEAKING, Phase.WAITING): Way(26, 0.5, "main", Point(-20, 0)),
    (Phase.WAITING, Phase.ENDED): Way(0, 0.5, "line", Point(0, -14)),
    (Phase.LISTENING, Phase.WAITING): Way(12, 0.45, "line", Point(24, 0)),
    (Phase.ENDPOINTING, Phase.LISTENING): Way(14, 0.5),
    (Phase.ENDPOINTING, Phase.WAITING): Way(-182, 0.5),
    (Phase.WAITING, Phase.ENDPOINTING): Way(120, 0.5, "red-line"),
    (Phase.LISTENING, Phase.THINKING): Way(16, 0.2, "line", Point(14, 0)),
    (Phase.THINKING, Phase.WAITING): Way(182, 0.5),
    (Phase.WAITING, Phase.THINKING): Way(10, 0.2, "line", Point(0, 4)),
    (Phase.SPEAKING, Phase.THINKING): Way(14, 0.5),
    (Phase.THINKING, Phase.LISTENING): Way(16, 0.24, "red-line"),
    (Phase.THINKING, Phase.ENDPOINTING): Way(12, 0.5, "red-line", Point(-40, 0)),
    (Phase.SPEAKING, Phase.LISTENING): Way(0, 0.6, "red-line"),
    (Phase.SPEAKING, Phase.ENDPOINTING): Way(0, 0.82, "red-line"),
}


def phases() -> str:
    """The picture. KeyError for a transition that has no place yet."""
    told = "; ".join(f"{before.value} to {after.value}: {cause}" for (before, after), cause in TRANSITIONS.items())
    picture = Picture(1180, 640, "The phases of a conversation", told)
    picture.text(Point(36, 36), "The phases of a conversation", size=17, weight=700, anchor="start")
    draw(picture, NODES, WAYS, TRANSITIONS, size=(156, 58))
    return picture.written()
