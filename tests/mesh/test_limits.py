"""A limit for many short waits: it ends the block that is late, that one alone, and as `asyncio.timeout` would."""

import asyncio

import pytest

from mesh.limits import RepeatedLimit

SHORT_S = 0.5
"""Far longer than what is in time takes, on a busy machine too."""


async def test_blocks_that_end_in_time_are_left_alone_however_many() -> None:
    limit = RepeatedLimit(SHORT_S)
    for _ in range(6):
        with limit:
            await asyncio.sleep(SHORT_S / 5)


async def test_a_block_that_is_late_is_ended_and_the_next_has_its_whole_time() -> None:
    limit = RepeatedLimit(SHORT_S)
    for _ in range(2):
        with limit:
            await asyncio.sleep(SHORT_S / 2)
        with pytest.raises(TimeoutError), limit:
            await asyncio.Event().wait()


async def test_a_block_that_began_while_the_timer_ran_is_not_ended_early() -> None:
    loop, limit = asyncio.get_running_loop(), RepeatedLimit(SHORT_S)
    with limit:
        await asyncio.sleep(SHORT_S / 5)
    began = loop.time()
    with pytest.raises(TimeoutError), limit:
        await asyncio.Event().wait()
    assert loop.time() - began >= SHORT_S - 0.002  # the clock's tick


async def test_between_two_blocks_nothing_is_limited() -> None:
    limit = RepeatedLimit(SHORT_S)
    with limit:
        await asyncio.sleep(0)
    await asyncio.sleep(SHORT_S * 1.1)
    with limit:
        await asyncio.sleep(0)


async def test_a_cancellation_from_outside_stays_one() -> None:
    limit, entered = RepeatedLimit(60.0), asyncio.Event()

    async def block() -> None:
        with limit:
            entered.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(block())
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with limit:
        await asyncio.sleep(0)


async def test_an_error_of_the_block_passes_and_the_limit_can_be_used_again() -> None:
    limit = RepeatedLimit(SHORT_S)
    with pytest.raises(ValueError, match="mine"), limit:
        raise ValueError("mine")
    with limit:
        await asyncio.sleep(0)


async def test_it_limits_one_block_at_a_time() -> None:
    limit = RepeatedLimit(SHORT_S)
    with limit, pytest.raises(RuntimeError), limit:
        pass


async def test_one_timer_serves_all_blocks_and_none_is_left_after_the_close() -> None:
    loop, timers = asyncio.get_running_loop(), []
    call_later = loop.call_later

    def counted(*arguments: object) -> object:
        timers.append(call_later(*arguments))  # type: ignore[arg-type]  # passed on
        return timers[-1]

    loop.call_later = counted  # type: ignore[method-assign,assignment]
    try:
        limit = RepeatedLimit(60.0)
        for _ in range(100):
            with limit:
                pass
    finally:
        del loop.call_later
    limit.close()
    assert [timer.cancelled() for timer in timers] == [True]


@pytest.mark.parametrize("turns_inside", range(5))
@pytest.mark.parametrize("turns_between", range(3))
async def test_no_cancellation_is_left_for_what_follows_the_block(turns_inside: int, turns_between: int) -> None:
    """Whether the timer fires in the turn of the loop in which the block ends, before it, or after it."""
    task, limit, ended = asyncio.current_task(), RepeatedLimit(0.0), []
    assert task is not None
    for _ in range(5):
        try:
            with limit:
                for _ in range(turns_inside):
                    await asyncio.sleep(0)
        except TimeoutError:
            ended.append("late")
        assert task.cancelling() == 0
        for _ in range(turns_between):
            await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert turns_inside > 0 or not ended


async def test_a_block_whose_wait_is_over_when_the_timer_fires_is_late_and_nothing_else() -> None:
    loop, limit = asyncio.get_running_loop(), RepeatedLimit(SHORT_S)
    over = loop.create_future()

    async def block() -> None:
        with limit:
            limit.close()
            limit._since -= 2 * SHORT_S
            loop.call_soon(over.set_result, None)
            loop.call_soon(limit._look)
            await over

    with pytest.raises(TimeoutError):
        await block()
    limit._look()
    await asyncio.sleep(0)
