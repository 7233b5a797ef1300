"""The folder that donations are kept in: `<id>.wav` and `<id>.json` for each, both or neither, whatever happens.

A donation is written into a hidden folder of its own. Renaming that is the one step in which it comes into being:
before, it is rubbish, and afterwards it is moved to where people look for it, the recording first. What a killed
process leaves behind is brought to its end when the folder is opened: unfinished ones are removed, finished ones moved.

    .incoming-…/<id>.wav, <id>.json   ──rename──▶   .accepted-…/   ──rename each──▶   <id>.wav, <id>.json

A reader who goes by the `.json` files finds the recording of each. Processes that share the folder tell each other by a
lock on the hidden folder, which ends with its process, that somebody is still at work on it.

Everything blocks.
"""

import fcntl
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

_INCOMING = ".incoming-"
_ACCEPTED = ".accepted-"
_SUFFIXES = (".wav", ".json")
"""In the order in which they appear."""

_log = structlog.get_logger()


class FolderFull(Exception):
    """The donations on disk take as much space as they may."""


class DonationFolder:
    """Donations on disk. Only the owner may read what it writes. Everything raises `OSError` if it cannot be done."""

    def __init__(self, path: Path, most_bytes: int = sys.maxsize) -> None:
        """Open the folder, which need not exist, and bring to its end what was left behind in it."""
        self._most_bytes = most_bytes
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path.resolve()
        self._recover()
        # Better told now than to the first donor.
        StagedDonation(self.path, "check").discard()

    def check_room(self, wanted: int) -> None:
        """Raise `FolderFull` if so many bytes more are too many."""
        used = sum(map(_size, self.path.rglob("*.*")))
        if used + wanted > self._most_bytes:
            _log.warning(
                "the folder for donations is full", used_bytes=used, setting="PARLEY_VOICES_DONATION_LIMIT_MIB"
            )
            raise FolderFull

    def stage(self, donation_id: str, recording: bytes, record: bytes) -> "StagedDonation":
        """Write a donation where nobody looks yet; what is left to do cannot fail for want of space.

        Raises `FolderFull`.
        """
        self.check_room(len(recording) + len(record))
        staged = StagedDonation(self.path, donation_id)
        try:
            staged.write(recording, record)
        except BaseException:
            staged.discard()
            raise
        return staged

    def _recover(self) -> None:
        for left in sorted(self.path.iterdir()):
            if left.name.startswith((_INCOMING, _ACCEPTED)):
                with _locked(left) as is_idle:
                    if not is_idle:
                        continue
                    if left.name.startswith(_ACCEPTED):
                        _publish(left)
                        _log.info("a donation was brought to its end", folder=left.name)
                    else:
                        shutil.rmtree(left)
                        _log.info("an unfinished donation was removed", folder=left.name)


class StagedDonation:
    """A donation that is written, but does not exist yet. It is either accepted or discarded."""

    def __init__(self, folder: Path, donation_id: str) -> None:
        self._id = donation_id
        self._incoming, self._lock = _own_folder(folder)

    def write(self, recording: bytes, record: bytes) -> None:
        """Bring both files onto the disk."""
        for suffix, content in zip(_SUFFIXES, (recording, record), strict=True):
            _write(self._incoming / f"{self._id}{suffix}", content)
        _sync(self._incoming)

    def accept(self) -> None:
        """Make it exist. If this raises, it does not; else people will find it, after the next start at the latest."""
        accepted = self._incoming.with_name(self._incoming.name.replace(_INCOMING, _ACCEPTED))
        try:
            self._incoming.rename(accepted)
            _sync(accepted.parent)
        except OSError:
            shutil.rmtree(accepted, ignore_errors=True)
            self.discard()
            raise
        try:
            _publish(accepted)
        except OSError as error:
            _log.warning("a donation is kept, but not where it should be", folder=str(accepted), error=str(error))
        finally:
            os.close(self._lock)

    def discard(self) -> None:
        """Leave nothing of it."""
        shutil.rmtree(self._incoming, ignore_errors=True)
        os.close(self._lock)


def _size(path: Path) -> int:
    """Of a file; 0: it is none, or another process has just moved it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def _own_folder(parent: Path) -> tuple[Path, int]:
    """A new hidden folder, and the descriptor that holds its lock."""
    while True:
        made = Path(tempfile.mkdtemp(prefix=_INCOMING, dir=parent))
        lock = os.open(made, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # A process that starts just now may have taken it for a leftover, in the moment before it was locked.
        if made.exists():
            return made, lock
        os.close(lock)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Whether nobody is at work on a hidden folder; nobody begins to while the block runs."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        # Whoever was has just finished.
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield folder.exists()
    finally:
        os.close(descriptor)


def _publish(accepted: Path) -> None:
    """Move what an accepted folder still holds to where it belongs, and remove the folder."""
    left = sorted(accepted.iterdir(), key=lambda path: _SUFFIXES.index(path.suffix))
    for path in left:
        path.rename(accepted.parent / path.name)
        _sync(accepted.parent)
    accepted.rmdir()


def _write(path: Path, content: bytes) -> None:
    with open(path, "xb", opener=lambda name, flags: os.open(name, flags, mode=0o600)) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    """Bring a folder's names onto the disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
