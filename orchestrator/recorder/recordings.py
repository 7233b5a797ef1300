"""The folder of recordings."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from orchestrator.recorder.tape import Tape
from orchestrator.settings import OrchestratorSettings

_log = structlog.get_logger()


class Recordings:
    """Where the process keeps recordings, if it does: without a folder, nothing is ever recorded.

    One thread does all the writing, so that a disk that stands still costs one thread and no session.
    """

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.most_bytes = settings.recording_limit_mib << 20
        """The most that one recording may have."""
        self._folder = Path(settings.recordings_folder) if settings.recordings_folder else None
        self._disk = ThreadPoolExecutor(max_workers=1, thread_name_prefix="recordings")
        self._tapes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._folder:
            _log.info("conversations are recorded where people consent", folder=str(self._folder))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for the tapes whose sessions could not, then let the thread go."""
        if self._tapes:
            await asyncio.wait(self._tapes, timeout=10)
        self._disk.shutdown(wait=False)

    def tape(self, session_id: str, started_wall: float) -> Tape | None:
        """Open a file for this session, which started then (seconds since 1970); None where nothing is recorded."""
        if self._folder is None:
            return None
        started = datetime.fromtimestamp(started_wall, UTC)
        tape = Tape(self._folder / f"{started:%Y-%m-%d_%H-%M-%S}_{session_id}.jsonl", self._disk)
        self._tapes.add(tape.task)
        tape.task.add_done_callback(self._tapes.discard)
        return tape
