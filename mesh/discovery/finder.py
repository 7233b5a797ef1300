"""Runs searches in a pool: waits for members, tries them one after the other, and notes the outcomes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext, suppress
from typing import Any, Generic, TypeAlias, TypeVar

from mesh.errors import AtCapacity, MeshError, UpstreamDown
from mesh.pool import FailedTry, Limits, Member, NoneFound, Outcome, Pool, Search, Wait
from mesh.process import lag
from mesh.times import loop_time

M = TypeVar("M", bound=Member[Any])
Found = TypeVar("Found")

OutcomeOf: TypeAlias = Callable[[MeshError], Outcome | None]
"""The outcome that an error other than "full" means for its member; None: the request is at fault."""


class SearchMeter:
    """Measures searches; this one does nothing. All times are in seconds."""

    def found(self, seconds: float) -> None:
        """A member has admitted the call, `seconds` after the search began."""

    def refused(self, seconds: float) -> None:
        """A member was full; it answered after `seconds`."""

    def failed(self) -> None:
        """A member could not be reached, or did not answer in time."""

    def missed(self) -> None:
        """A search found no member."""

    def tried(self, seconds: float) -> None:
        """A try has ended, with any outcome, after `seconds`."""

    def ended(self, seconds: float) -> None:
        """A search has ended, with any outcome, after `seconds`."""


class Finder(Generic[M]):
    """Finds members of one pool that admit calls.

    `outcome_of` decides whether an error is the member's. `error_for` makes the error of a search that found none.
    `report` logs a failure. `late` is the message of a try that took too long.
    """

    def __init__(
        self,
        pool: Pool[Any, M],
        *,
        meter: SearchMeter,
        outcome_of: OutcomeOf,
        error_for: Callable[[NoneFound], MeshError],
        report: Callable[[M, MeshError], None],
        late: str = "no answer in time",
    ) -> None:
        self._pool = pool
        self._meter = meter
        self._outcome_of = outcome_of
        self._error_for = error_for
        self._report = report
        self._late = late
        self._changed = asyncio.Event()
        """Set, and replaced, when something that a search looks at has changed."""

    def begin(self, limits: Limits) -> Search[M]:
        """A search that begins now."""
        return Search(self._pool, limits, loop_time())

    def notify(self) -> None:
        """Have waiting searches look at the members again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def changed(self) -> None:
        """Wait for the next `notify`."""
        await self._changed.wait()

    async def choose(self, search: Search[M]) -> M | None:
        """The member to try next, once it can be chosen; None: the search is over."""
        while isinstance(choice := search.choose(loop_time()), Wait):
            with suppress(TimeoutError):
                async with asyncio.timeout_at(choice.until):
                    await self.changed()
        return choice

    async def find(self, attempt: Callable[[M], Awaitable[Found]], limits: Limits, avoided: Iterable[M] = ()) -> Found:
        """What the first successful attempt returns. The `avoided` members are not tried.

        An attempt fails by raising a `MeshError`, or is cancelled when it takes too long. What this process itself was
        late by counts neither for a try nor for the search. An error that the request
        caused is raised at once. If no member admits the call, the error that `error_for` makes is raised.
        """
        search = self.begin(limits)
        search.avoid(avoided)
        member: M | None = None
        try:
            async with lag.timeout(limits.search, on_late=search.extend):
                while (member := await self.choose(search)) is not None:
                    try:
                        found = await self._tried(attempt, member, self._limit_of_try(search))
                    except (MeshError, TimeoutError) as error:
                        self._note(search, member, error)
                    else:
                        search.admitted(member)
                        self._meter.found(loop_time() - search.began)
                        return found
        except TimeoutError:
            if member is not None:
                self._meter.failed()
            search.ran_out(UpstreamDown(self._late))
        finally:
            self._meter.ended(loop_time() - search.began)
        self._meter.missed()
        raise self._error_for(search.none_found(loop_time()))

    def _limit_of_try(self, search: Search[M]) -> float | None:
        """How long the next try may take; None: as long as the search."""
        return search.limits.one_try if search.has_others(loop_time()) else None

    async def _tried(self, attempt: Callable[[M], Awaitable[Found]], member: M, limit_s: float | None) -> Found:
        began = loop_time()
        try:
            async with nullcontext() if limit_s is None else lag.timeout(limit_s):
                return await attempt(member)
        except AtCapacity:
            self._meter.refused(loop_time() - began)
            raise
        finally:
            self._meter.tried(loop_time() - began)

    def _note(self, search: Search[M], member: M, error: MeshError | TimeoutError) -> None:
        """Note a try that failed. Raises the error if it would be the same everywhere."""
        if isinstance(error, AtCapacity):
            search.not_admitted(member, FailedTry(Outcome.FULL, error, error.retry_after or 0.0), loop_time())
            return
        failure = error if isinstance(error, MeshError) else UpstreamDown(self._late)
        outcome = self._outcome_of(failure)
        if outcome is None:
            raise error
        self._meter.failed()
        search.not_admitted(member, FailedTry(outcome, failure), loop_time())
        self._report(member, failure)
