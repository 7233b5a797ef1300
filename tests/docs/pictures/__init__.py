"""The pictures of docs/turn-taking.md, drawn from the core's own tables and from scripts that the core has played."""

from collections.abc import Callable
from pathlib import Path

from tests.docs.pictures.phases import phases
from tests.docs.pictures.reply import reply
from tests.docs.pictures.timeline import barge_in, cough

FOLDER = Path(__file__).parents[3] / "docs" / "pictures"

PICTURES: dict[str, Callable[[], str]] = {
    "phases.svg": phases,
    "reply.svg": reply,
    "barge-in.svg": barge_in,
    "cough.svg": cough,
}
