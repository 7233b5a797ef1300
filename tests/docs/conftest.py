from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.room import Room, room
from tests.docs.run import started


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A room with a mesh in it, on the ports that every mesh has, which takes voices and records who consents."""
    up = "KYUTAI_VOICE_DONATION_DIR=donations PARLEY_RECORDINGS_FOLDER=recordings parley up"
    with room(tmp_path_factory.mktemp("docs")) as here, started(up, "Ctrl-C ends it.", here):
        yield here


@pytest.fixture
def empty_room(tmp_path: Path) -> Iterator[Room]:
    """A room with nothing in it but a language model where Ollama has its own."""
    with room(tmp_path) as here, started("PARLEY_RESPONDER_PORT=11434 parley responder", "serving", here):
        yield here
