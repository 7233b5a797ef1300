import asyncio
import gc
import weakref

import pytest

from mesh.errors import UpstreamDown
from mesh.tasks import beside, first_of, to_the_end


class Worker:
    """Works until it is cancelled or told to fail; `ended` is set when it has cleaned up."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.cleaning = asyncio.Event()
        self.clean = asyncio.Event()
        self.clean.set()
        self.ended = asyncio.Event()
        self._failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: Exception) -> None:
        self._failure.set_exception(error)

    async def work(self) -> None:
        self.started.set()
        try:
            await self._failure
        finally:
            self.cleaning.set()
            await self.clean.wait()
            self.ended.set()


async def test_work_ends_with_the_block() -> None:
    worker = Worker()
    async with beside(worker.work()):
        await worker.started.wait()
    assert worker.ended.is_set()


async def test_work_that_is_done_does_not_end_the_block() -> None:
    done = asyncio.Event()

    async def brief() -> None:
        done.set()

    async with beside(brief()):
        await done.wait()
        await asyncio.sleep(0)


async def test_a_failure_of_the_work_ends_the_block_and_is_raised_as_itself() -> None:
    first, second = Worker(), Worker()
    cause = OSError("no route")
    failure = UpstreamDown("gone")
    failure.__cause__ = cause

    async def block() -> None:
        async with beside(first.work(), second.work()):
            await first.started.wait()
            first.fail(failure)
            await asyncio.Event().wait()

    with pytest.raises(UpstreamDown) as caught:
        await block()
    assert caught.value is failure
    assert caught.value.__cause__ is cause
    assert second.ended.is_set()


async def test_a_failure_of_the_block_is_raised_as_itself() -> None:
    worker = Worker()

    async def block() -> None:
        async with beside(worker.work()):
            await worker.started.wait()
            raise UpstreamDown("gone")

    with pytest.raises(UpstreamDown, match="gone"):
        await block()
    assert worker.ended.is_set()


async def test_a_failure_inside_a_task_group_is_raised_as_itself() -> None:
    async def nested() -> None:
        async with asyncio.TaskGroup():
            raise UpstreamDown("gone")

    async def block() -> None:
        async with beside(nested()):
            await asyncio.Event().wait()

    with pytest.raises(UpstreamDown, match="gone"):
        await block()


async def test_the_block_may_start_more() -> None:
    worker = Worker()
    async with beside() as tasks:
        tasks.create_task(worker.work())
        await worker.started.wait()
    assert worker.ended.is_set()


async def test_a_cancelled_block_cancels_its_work() -> None:
    worker = Worker()

    async def block() -> None:
        async with beside(worker.work()):
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await worker.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert worker.ended.is_set()


async def test_a_cancellation_during_the_clean_up_is_not_lost() -> None:
    worker = Worker()
    worker.clean.clear()
    went_on = False

    async def block() -> None:
        nonlocal went_on
        async with beside(worker.work()):
            await worker.started.wait()
        await asyncio.sleep(0)
        went_on = True

    task = asyncio.create_task(block())
    await worker.cleaning.wait()
    task.cancel()
    await asyncio.sleep(0)
    worker.clean.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not went_on


async def test_a_cancellation_that_comes_with_a_failure_is_not_hidden_by_it() -> None:
    worker = Worker()
    worker.clean.clear()
    survived = False

    async def block() -> None:
        nonlocal survived
        try:
            async with beside(worker.work()):
                await worker.started.wait()
                raise UpstreamDown("the engine has gone")  # noqa: TRY301 - the block's own failure is the point
        except UpstreamDown:
            survived = True

    task = asyncio.create_task(block())
    await worker.cleaning.wait()
    task.cancel()
    await asyncio.sleep(0)
    worker.clean.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not survived


async def test_the_first_of_several_events_ends_the_wait() -> None:
    never, soon = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_soon(soon.set)
    async with asyncio.timeout(5):
        await first_of(never, soon, within=60)


async def test_a_wait_for_events_has_an_end() -> None:
    await first_of(asyncio.Event(), within=0.01)


class TestToTheEnd:
    async def test_it_gives_what_the_work_gives(self) -> None:
        async def work() -> int:
            return 7

        assert await to_the_end(work()) == 7

    async def test_it_raises_what_the_work_raises(self) -> None:
        async def work() -> None:
            raise OSError("no")

        with pytest.raises(OSError, match="no"):
            await to_the_end(work())

    @pytest.mark.parametrize("fails", [False, True])
    async def test_who_is_cancelled_ends_after_the_work(self, *, fails: bool) -> None:
        began, go_on = asyncio.Event(), asyncio.Event()
        done: list[str] = []

        async def work() -> None:
            began.set()
            await go_on.wait()
            done.append("done")
            if fails:
                raise OSError("no")

        waiting = asyncio.create_task(to_the_end(work()))
        await began.wait()
        for _ in range(2):
            waiting.cancel()
            await asyncio.wait([waiting], timeout=0)
        assert not waiting.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert done == ["done"]


class Held:
    """Something that a task holds while it works."""


@pytest.mark.parametrize("fails", [False, True])
async def test_no_cycle_keeps_what_the_work_held(fails: bool) -> None:
    async def holding(held: Held, started: asyncio.Event) -> None:
        started.set()
        if fails:
            raise UpstreamDown(f"{held} is gone")
        await asyncio.Event().wait()

    async def block() -> "weakref.ref[Held]":
        held, started = Held(), asyncio.Event()
        reference = weakref.ref(held)
        try:
            async with beside(holding(held, started)):
                await started.wait()
                await asyncio.sleep(0)
        except UpstreamDown:
            assert fails
        return reference

    gc.collect()
    gc.disable()
    try:
        held = await block()
        await asyncio.sleep(0)  # the loop lets go of a task that has ended in its next round
        assert held() is None
    finally:
        gc.enable()
