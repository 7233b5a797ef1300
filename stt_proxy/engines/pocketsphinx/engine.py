"""The workers, and their loan to streams."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from mesh.errors import AtCapacity, InvalidRequest, UpstreamDown
from mesh.tasks import beside
from stt_proxy.engine import FLUSH_LIMIT_S
from stt_proxy.engines.pocketsphinx.plugin import check_installed
from stt_proxy.engines.pocketsphinx.process import Lease, WorkerProcess, worker_process

_RETRY_AFTER_S = 2.0
"""What a caller without a recogniser is told to wait: people talk for minutes, but some have just stopped."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0
"""Before a worker that died is replaced: doubled from death to death, while each comes within `_SOUND_S`."""

_SOUND_S = 60.0

_WARM_UP_LIMIT_S = 90.0

_log = structlog.get_logger()


class PocketSphinxEngine:
    """A `RecognitionEngine` of `capacity` workers, each of which has its keeper: `keep_one`."""

    flush_limit_s = FLUSH_LIMIT_S

    def __init__(self, workers: int) -> None:
        self.capacity = workers
        self._free: deque[WorkerProcess] = deque()
        self._workers: set[WorkerProcess] = set()
        """All that have started and whose death has not been noticed."""
        self._complete = asyncio.Event()

    @property
    def available(self) -> bool:
        """Whether any worker is alive."""
        return any(worker.alive for worker in self._workers)

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[Lease]:
        """Lend a worker to one stream. Raises `InvalidRequest`, `AtCapacity`, `UpstreamDown`."""
        if language and language.partition("-")[0].lower() != "en":
            raise InvalidRequest(f"this recogniser knows English only, not {language}", field="config.language")
        worker = self._take()
        try:
            yield Lease(worker)
        finally:
            # One that has died is replaced by its keeper.
            if worker.alive:
                self._free.append(worker)

    def _take(self) -> WorkerProcess:
        while self._free:
            worker = self._free.popleft()
            if worker.alive:
                return worker
        if not self.available:
            raise UpstreamDown("every recogniser has died; they are being replaced")
        raise AtCapacity("every recogniser is taken", retry_after=_RETRY_AFTER_S)

    async def keep_one(self) -> None:
        """Keep one worker running until cancelled."""
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE_S
        while True:
            started = loop.time()
            try:
                async with worker_process() as worker:
                    await self._lend(worker)
            except UpstreamDown as error:
                _log.error("recogniser could not start", error=error.message)
            pause = _FIRST_PAUSE_S if loop.time() - started > _SOUND_S else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def _lend(self, worker: WorkerProcess) -> None:
        """Have the worker lent until it dies."""
        self._workers.add(worker)
        self._free.append(worker)
        if len(self._workers) == self.capacity:
            self._complete.set()
        try:
            code = await worker.wait()
            _log.warning("recogniser died", pid=worker.pid, exit_code=code, streams=worker.streams)
        finally:
            self._workers.remove(worker)
            if worker in self._free:
                self._free.remove(worker)

    async def warmed_up(self) -> None:
        """Wait until every worker is ready. Raises `UpstreamDown` when that takes too long."""
        try:
            async with asyncio.timeout(_WARM_UP_LIMIT_S):
                await self._complete.wait()
        except TimeoutError:
            raise UpstreamDown(f"the recognisers were not ready within {_WARM_UP_LIMIT_S:g} s") from None


@asynccontextmanager
async def pocketsphinx_engine(workers: int) -> AsyncIterator[PocketSphinxEngine]:
    """Run an engine of so many workers, one stream each, meanwhile; all are warm when the block begins.

    Raises `UpstreamDown` if they cannot be started, `MissingExtra` if their packages are not installed.
    """
    check_installed()
    engine = PocketSphinxEngine(workers)
    async with beside(*(engine.keep_one() for _ in range(workers))):
        await engine.warmed_up()
        yield engine
