"""The engine: a set of worker processes, each of which serves one stream at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from mesh.errors import AtCapacity, InvalidRequest, UpstreamDown
from mesh.pool import Backoff
from mesh.tasks import beside
from mesh.times import loop_time
from stt_proxy.engine import FLUSH_LIMIT_S
from stt_proxy.engines.pocketsphinx.plugin import check_installed
from stt_proxy.engines.pocketsphinx.process import Lease, WorkerProcess, worker_process

_RETRY_AFTER_S = 2.0
"""After how long a refused caller may try again. Conversations last minutes, but some are about to end."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 30.0
"""The pauses before a worker that has died is replaced; they double from the first to the longest."""

_SETTLED_S = 60.0
"""The pauses start again with the first after a worker that has lived this long."""

_WARM_UP_LIMIT_S = 90.0

_log = structlog.get_logger()


class PocketSphinxEngine:
    """A `RecognitionEngine` of `capacity` workers. One `keep_one` task for each keeps it running."""

    flush_limit_s = FLUSH_LIMIT_S

    def __init__(self, workers: int) -> None:
        self.capacity = workers
        self._free: deque[WorkerProcess] = deque()
        self._workers: set[WorkerProcess] = set()
        """The workers that have started and have not been found dead."""
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
            # `keep_one` replaces a worker that has died.
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
        backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _SETTLED_S)
        while True:
            started = loop_time()
            try:
                async with worker_process() as worker:
                    await self._lend(worker)
            except UpstreamDown as error:
                _log.error("recogniser could not start", error=error.message)
            await asyncio.sleep(backoff.pause(loop_time() - started))

    async def _lend(self, worker: WorkerProcess) -> None:
        """Make the worker available to streams until it dies."""
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
    """Run an engine of `workers` workers, one stream each, while the block runs. All are ready when it begins.

    Raises `UpstreamDown` if they cannot be started, `MissingExtra` if their packages are not installed.
    """
    check_installed()
    engine = PocketSphinxEngine(workers)
    async with beside(*(engine.keep_one() for _ in range(workers))):
        await engine.warmed_up()
        yield engine
