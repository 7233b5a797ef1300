"""The folder of recordings, and the file of each, written beside the event loop."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import structlog

from mesh.tasks import first_of
from orchestrator.settings import OrchestratorSettings

UNFINISHED = ".part"
"""Ends the name while the session lasts, for consent may still be withdrawn; for ever if the process is killed."""

_EVERY_S = 0.25
"""Between two visits to the disk: what a killed process loses at most, unless the disk is slow."""

_CLOSE_LIMIT_S = 10.0
"""How long the end of a session waits for the disk. The file is closed, or deleted, afterwards all the same."""

_log = structlog.get_logger()

T = TypeVar("T")


class Recordings:
    """Where the process keeps recordings, if it does: without a folder, nothing is ever recorded.

    One thread does all the writing, so that a disk that stands still costs one thread and no session.
    """

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.most_bytes = settings.recording_limit_mib << 20
        """The most that one recording may have."""
        self._folder = Path(settings.recordings_folder) if settings.recordings_folder else None
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recordings")
        self._open_files: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._folder:
            _log.info("conversations are recorded where people consent", folder=str(self._folder))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the files whose sessions could not, then let the thread go."""
        if self._open_files:
            await asyncio.wait(self._open_files, timeout=10)
        self._disk.shutdown(wait=False)

    def new_file(self, session_id: str, started_wall: float) -> "RecordingFile | None":
        """Open a file for this session, which started then (seconds since 1970); None where nothing is recorded."""
        if self._folder is None:
            return None
        started = datetime.fromtimestamp(started_wall, UTC)
        file = RecordingFile(self._folder / f"{started:%Y-%m-%d_%H-%M-%S}_{session_id}.jsonl", self._disk)
        self._open_files.add(file.task)
        file.task.add_done_callback(self._open_files.discard)
        return file

    def delete(self, session_id: str) -> None:
        """Delete what other processes have recorded of a session in the same folder."""
        if self._folder is None:
            return
        deleting = asyncio.ensure_future(self._deleted(self._folder, session_id))
        self._open_files.add(deleting)
        deleting.add_done_callback(self._open_files.discard)

    async def _deleted(self, folder: Path, session_id: str) -> None:
        def delete() -> None:
            for file in folder.glob(f"*_{session_id}.jsonl*"):
                file.unlink(missing_ok=True)

        try:
            await asyncio.get_running_loop().run_in_executor(self._disk, delete)
        except OSError as error:
            _log.error("a recording is left as it is", session=session_id, error=error.strerror)


class RecordingFile:
    """One recording's file, called `path` once it is complete.

    `write` never waits. Trouble with the disk costs the rest of the recording and one line in the log, nothing else.
    """

    def __init__(self, path: Path, disk: Executor) -> None:
        self.size = 0
        """Bytes accepted so far, whether they are on the disk or not."""
        self.waiting = 0
        """Bytes of these that wait for the disk."""
        self._path = path
        self._unfinished = path.with_name(path.name + UNFINISHED)
        self._disk = disk
        self._lines: list[bytes] = []
        self._changed = asyncio.Event()
        self._over = asyncio.Event()
        self._broken = False
        self._discarded = False
        self.task = asyncio.get_running_loop().create_task(self._run(), name=path.name)
        """Takes what is written to the disk. The caller that opened the file closes it, which awaits this."""

    def write(self, line: bytes) -> None:
        """Add a line, unless the file is broken or over."""
        if self._broken or self._over.is_set():
            return
        self._lines.append(line)
        self.size += len(line)
        self.waiting += len(line)
        self._changed.set()

    def discard(self) -> None:
        """Take nothing more, and delete what there is."""
        self._discarded = True
        self._end()

    async def close(self) -> None:
        """Take nothing more, and wait until the file is complete, or deleted."""
        self._end()
        try:
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await asyncio.shield(self.task)
        except TimeoutError:
            _log.warning("a recording waits for its disk", file=self._path.name)

    def _end(self) -> None:
        self._over.set()
        self._changed.set()

    # --- the task -----------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Write until it is over, then give the file its name, or delete it. What fails is logged, once."""
        file = None
        try:
            file = await self._on_disk(self._open)
            while not self._over.is_set():
                await self._changed.wait()
                self._changed.clear()
                await self._on_disk(partial(_write, file, self._taken()))
                await first_of(self._over, within=_EVERY_S)
            await self._on_disk(partial(_write, file, self._taken()))
        except OSError as error:
            self._broken = True
            self._lines.clear()
            _log.warning("recording stopped", file=self._path.name, error=error.strerror)
        await self._over.wait()
        try:
            await self._on_disk(partial(self._finish, file))
        except OSError as error:
            _log.error("a recording is left as it is", file=str(self._unfinished), error=error.strerror)

    def _taken(self) -> bytes:
        """Return what waits, to be written; nothing of what is to be deleted."""
        taken = b"" if self._discarded else b"".join(self._lines)
        self._lines.clear()
        self.waiting = 0
        return taken

    async def _on_disk(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, work)

    # --- on the disk's thread -----------------------------------------------------------------------------------------

    def _open(self) -> int:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(self._unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)

    def _finish(self, file: int | None) -> None:
        if file is None:
            return
        os.close(file)
        if self._discarded:
            self._unfinished.unlink(missing_ok=True)
        else:
            self._unfinished.rename(self._path)


def _write(file: int, text: bytes) -> None:
    """Write all of it; a disk that fills up takes a part before it refuses the rest."""
    left = memoryview(text)
    while left:
        left = left[os.write(file, left) :]
