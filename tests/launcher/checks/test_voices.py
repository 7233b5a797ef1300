from pathlib import Path

from launcher.checks.configuration import voices
from mesh.engines.findings import State
from tests.launcher.checks.conftest import Look

SHARED = """\
- {name: Ada, good: true, source: {source_type: file, path_on_server: ada.wav}}
- {name: Bob, good: true, source: {source_type: file, path_on_server: ada.wav}}
"""


async def test_by_default_there_are_voices_and_no_donations(context: Look) -> None:
    catalogue, donations = await voices(await context())
    assert (catalogue.state, donations.state) == (State.FINE, State.FINE)
    assert donations.found.startswith("not accepted")


async def test_what_may_not_be_meant_is_told(context: Look, tmp_path: Path) -> None:
    path = tmp_path / "voices.yaml"
    path.write_text(SHARED)
    catalogue, note, _ = await voices(await context(PARLEY_VOICES_FILE=str(path)))
    assert catalogue.found.startswith("2 voices, 2 of them offered")
    assert note.state is State.ADVICE
    assert "voice 2 'Bob' shares its path_on_server with voice 1 'Ada' in line 1" in note.found


async def test_where_donations_are_kept(context: Look, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "donations"
    *_, donations = await voices(await context(KYUTAI_VOICE_DONATION_DIR=str(folder)))
    assert (donations.state, donations.found) == (State.FINE, f"accepted, stored in {folder}")
    assert not folder.parent.exists()


async def test_where_they_cannot_be_kept(context: Look, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    *_, donations = await voices(await context(PARLEY_VOICES_DONATION_FOLDER=str(tmp_path / "file" / "donations")))
    assert donations.state is State.WRONG
    assert f"{tmp_path / 'file'} is not a writable folder" in donations.found
