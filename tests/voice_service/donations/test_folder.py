"""Donations on disk: whole or not at all, whatever happens to the process that writes them."""

import json
import os
import signal
import subprocess
import sys
import uuid
from itertools import count
from pathlib import Path

import pytest

from voice_service.donations.folder import DonationFolder, StagedDonation

ID = "6f0f2b4e-5b1c-4f0b-9a55-2f6f6a3b7c10"
WAV = bytes(range(256)) * 410
RECORD = b'{"submission": {}}\n'

WRITER = """\
import sys, uuid
from pathlib import Path
from voice_service.donations.folder import DonationFolder

folder = DonationFolder(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    donation = str(uuid.uuid4())
    folder.stage(donation, donation.encode() * 3_000, b'{"id": "%s"}' % donation.encode()).accept()
"""


def names(path: Path) -> set[str]:
    return {each.name for each in path.iterdir()}


def test_a_donation_exists_once_it_is_accepted(tmp_path: Path) -> None:
    folder = DonationFolder(tmp_path)
    staged = folder.stage(ID, WAV, RECORD)
    assert not any(name.endswith((".wav", ".json")) for name in names(tmp_path))
    staged.accept()
    assert names(tmp_path) == {f"{ID}.wav", f"{ID}.json"}
    assert (tmp_path / f"{ID}.wav").read_bytes() == WAV
    assert (tmp_path / f"{ID}.json").read_bytes() == RECORD


def test_nothing_is_left_of_one_that_is_discarded(tmp_path: Path) -> None:
    DonationFolder(tmp_path).stage(ID, WAV, RECORD).discard()
    assert names(tmp_path) == set()


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "donations"
    DonationFolder(path).stage(ID, WAV, RECORD).accept()
    assert path.stat().st_mode & 0o777 == 0o700
    assert [each.stat().st_mode & 0o777 for each in path.iterdir()] == [0o600, 0o600]


def left_by(writer: str, path: Path) -> None:
    """Run a writer that kills itself."""
    ended = subprocess.run([sys.executable, "-c", writer, str(path)], timeout=60, check=False)  # noqa: S603 - our own
    assert ended.returncode == -signal.SIGKILL


KILLED = """\
import os, pathlib, signal, sys
from voice_service.donations import folder

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

made = folder.DonationFolder(pathlib.Path(sys.argv[1]))
{killed_in}
made.stage("{id}", b"wav", b"json").accept()
"""


KILLED_BETWEEN_FILES = """\
renamed = pathlib.Path.rename
pathlib.Path.rename = lambda a, b: killed() if a.suffix == ".json" else renamed(a, b)
"""


@pytest.mark.parametrize(
    ("killed_in", "kept"),
    [
        ("folder._write = killed", False),
        ("folder._sync = killed", False),
        ("pathlib.Path.rename = killed", False),
        ("folder._publish = killed", True),
        (KILLED_BETWEEN_FILES, True),
        ("pathlib.Path.rmdir = killed", True),
    ],
)
@pytest.mark.unmute("S8")
def test_what_a_killed_process_leaves_is_brought_to_its_end(tmp_path: Path, killed_in: str, kept: bool) -> None:
    left_by(KILLED.format(killed_in=killed_in, id=ID), tmp_path)
    assert any(name.startswith(".") for name in names(tmp_path)), "it was killed too late to leave anything"
    DonationFolder(tmp_path)
    assert names(tmp_path) == ({f"{ID}.wav", f"{ID}.json"} if kept else set())


@pytest.mark.unmute("S8")
def test_a_crash_at_any_moment_leaves_whole_donations_only(tmp_path: Path) -> None:
    for moment in range(25):
        with subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout
            assert b"ready\n" in writer.stdout
            # Not a wait for something: the moment is what is tried.
            with pytest.raises(subprocess.TimeoutExpired):
                writer.wait(moment * 0.0013)
            writer.kill()
        whole(tmp_path)
    DonationFolder(tmp_path)
    assert whole(tmp_path)
    assert not [name for name in names(tmp_path) if name.startswith(".")]


def whole(path: Path) -> list[Path]:
    """The donations in a folder, by their records, each of which has its recording. Nothing else has a record."""
    records = list(path.glob("*.json"))
    for record in records:
        donation = record.stem
        assert json.loads(record.read_text()) == {"id": donation}
        assert record.with_suffix(".wav").read_bytes() == donation.encode() * 3_000
    return records


def test_what_another_process_is_at_work_on_is_left_alone(tmp_path: Path) -> None:
    staged = DonationFolder(tmp_path).stage(ID, WAV, RECORD)
    before = names(tmp_path)
    DonationFolder(tmp_path)
    assert names(tmp_path) == before
    staged.accept()
    assert names(tmp_path) == {f"{ID}.wav", f"{ID}.json"}


def test_what_else_is_in_the_folder_is_left_alone(tmp_path: Path) -> None:
    for name in (f"{uuid.uuid4()}.wav", "notes.txt", ".hidden"):
        (tmp_path / name).write_bytes(b"mine")
    before = names(tmp_path)
    DonationFolder(tmp_path)
    assert names(tmp_path) == before


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    folder = DonationFolder(tmp_path)
    resource_limit = f"""\
import pathlib, resource, signal, sys
from voice_service.donations.folder import DonationFolder
folder = DonationFolder(pathlib.Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    folder.stage("{ID}", bytes(100_000), b"json")
except OSError as error:
    sys.exit(error.errno)
"""
    ended = subprocess.run([sys.executable, "-c", resource_limit, str(tmp_path)], timeout=60, check=False)  # noqa: S603
    assert os.strerror(ended.returncode) == "File too large"
    assert names(tmp_path) == set()
    folder.stage(ID, WAV, RECORD).accept()


def test_one_that_cannot_be_accepted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = DonationFolder(tmp_path).stage(ID, WAV, RECORD)

    def refused(*_: object) -> None:
        raise OSError("the disk is gone")

    monkeypatch.setattr("voice_service.donations.folder._sync", refused)
    with pytest.raises(OSError, match="the disk is gone"):
        staged.accept()
    assert names(tmp_path) == set()


def test_one_that_cannot_be_moved_is_moved_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = DonationFolder(tmp_path).stage(ID, WAV, RECORD)
    syncs = count()
    sync = staged.accept.__globals__["_sync"]

    def refused_once(folder: Path) -> None:
        if next(syncs) == 1:
            raise OSError("not now")
        sync(folder)

    monkeypatch.setattr("voice_service.donations.folder._sync", refused_once)
    staged.accept()
    assert f"{ID}.json" not in names(tmp_path)
    DonationFolder(tmp_path)
    assert names(tmp_path) == {f"{ID}.wav", f"{ID}.json"}


def test_a_folder_that_cannot_be_used_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        DonationFolder(tmp_path / "file" / "donations")


def test_a_staged_donation_keeps_no_descriptor_open(tmp_path: Path) -> None:
    DonationFolder(tmp_path)
    before = len(names(Path("/proc/self/fd")))
    for _ in range(5):
        StagedDonation(tmp_path, ID).discard()
        DonationFolder(tmp_path).stage(str(uuid.uuid4()), WAV, RECORD).accept()
    assert len(names(Path("/proc/self/fd"))) == before
