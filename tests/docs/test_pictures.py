"""The committed pictures are those that the core's tables make."""

from xml.etree import ElementTree as ET

import pytest

from tests.docs.pictures import FOLDER, PICTURES


@pytest.mark.parametrize("name", PICTURES)
def test_is_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == PICTURES[name](), "draw it anew: scripts/pictures"


@pytest.mark.parametrize("name", PICTURES)
def test_can_be_read_without_being_seen(name: str) -> None:
    picture = ET.fromstring(PICTURES[name]())  # noqa: S314 - our own
    title, description = (picture.find(f"{{http://www.w3.org/2000/svg}}{part}") for part in ("title", "desc"))
    assert title is not None
    assert title.text
    assert description is not None
    assert description.text


def test_there_are_no_others() -> None:
    assert {path.name for path in FOLDER.iterdir()} == PICTURES.keys()
