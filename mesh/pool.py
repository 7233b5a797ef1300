"""Several servers for one purpose: the state of each, the choice of the next to try, and the search among them.

No I/O and no clock: times are seconds of the caller's clock, and random numbers are arguments. Replicas found by gRPC
(`mesh.discovery`) and servers reached by URL (`mesh.engines.upstreams`) are both searched by these rules.
"""

import random
from collections.abc import Callable, Container, Hashable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, NamedTuple, TypeVar

NEVER = float("-inf")

FULL_FOR_S = 1.0
"""The longest time for which a member that was full is ranked behind the others."""
FORGOTTEN_AFTER_S = 60.0
"""After how long a member that is not listed and has no call is dropped."""
JITTER = 0.2
"""The largest part of itself by which a rest is lengthened, so that callers do not all return at once."""

K = TypeVar("K", bound=Hashable)
M = TypeVar("M", bound="Member[Any]")


@dataclass(slots=True)
class Backoff:
    """Pauses in seconds that double from `first_s` to `longest_s`; they start again after a try of `settled_s`."""

    first_s: float = 0.5
    longest_s: float = 30.0
    settled_s: float = 10.0
    _next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._next_s = self.first_s

    def pause(self, lasted_s: float = 0.0) -> float:
        """The pause after a try that lasted `lasted_s`."""
        if lasted_s >= self.settled_s:
            self.reset()
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self.longest_s)
        return pause_s

    def reset(self) -> None:
        """Start again with the first."""
        self._next_s = self.first_s


class Policy(NamedTuple):
    """How a pool treats members that fail."""

    first_rest_s: float
    """The rest after a failure; it doubles from failure to failure."""
    longest_rest_s: float
    """The longest rest, and that of a misconfigured member."""
    tries_resting: bool
    """Whether resting members are tried after all others; otherwise not at all."""
    tries_down: bool
    """Whether members that are known not to serve are tried after all others; otherwise not at all."""


class Slots(NamedTuple):
    """What a member reported of its slots. `ours` is how many of them this process held then."""

    used: int
    total: int
    ours: int


class Outcome(Enum):
    """The outcome of a try in which the member did not admit the call."""

    FULL = "full"
    """There was no free slot, which is no failure."""
    FAILED = "failed"
    """There was no answer, none in time, or an error."""
    MISCONFIGURED = "misconfigured"
    """A setting is wrong, in this process or at the member. Trying again soon does not help."""


class FailedTry(NamedTuple):
    """A try in which the member did not admit the call."""

    outcome: Outcome
    error: Exception
    retry_after: float = 0.0
    """The seconds after which a full member expects a free slot."""


@dataclass(eq=False)
class Member(Generic[K]):
    """One server and its state, as far as this process knows."""

    place: K
    """Its address; unique in its pool."""
    backoff: Backoff
    serving: bool | None = None
    """The result of its last health check; None: there was none."""
    slots: Slots | None = None
    """None: it does not report its slots."""
    calls: int = 0
    """Tries and calls of this process that are in flight."""
    last_failure: FailedTry | None = None
    """Its last failure, until it admits again."""
    full_until: float = NEVER
    rests_until: float = NEVER
    listed_at: float = NEVER

    @property
    def free(self) -> int | None:
        """The number of free slots, as far as is known."""
        if self.slots is None:
            return None
        return max(0, self.slots.total - self.slots.used - (self.calls - self.slots.ours))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Count a call while it lasts."""
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1

    def rests(self, now: float) -> bool:
        """Whether it failed lately."""
        return now < self.rests_until

    def is_full(self, now: float) -> bool:
        """Whether it refused lately, or reports that no slot is free."""
        return now < self.full_until or self.free == 0

    def set_serving(self, serving: bool) -> None:
        """Note a health check. The failures of a member that serves again are forgotten."""
        if serving and self.serving is False:
            self._forget_failures()
        self.serving = serving
        if not serving:
            self.slots = None

    def set_slots(self, used: int, total: int) -> None:
        """Note what it reports of its slots."""
        self.slots = Slots(used, total, self.calls)

    def admitted(self) -> None:
        """Note that it took a call."""
        self._forget_failures()

    def refused(self, now: float, retry_after: float) -> None:
        """Note that it was full, and for how many seconds it expects to be."""
        self._forget_failures()
        self.full_until = now + min(retry_after, FULL_FOR_S)
        if self.slots is not None:
            self.set_slots(self.slots.total, self.slots.total)

    def failed(self, now: float, failure: FailedTry, chance: float) -> None:
        """Note that it did not take a call; it rests for a growing time. `chance`, from 0 to 1, makes it longer."""
        rest = self.backoff.longest_s if failure.outcome is Outcome.MISCONFIGURED else self.backoff.pause()
        self.last_failure, self.rests_until = failure, now + rest * (1 + JITTER * chance)

    def _forget_failures(self) -> None:
        self.backoff.reset()
        self.last_failure, self.rests_until, self.full_until = None, NEVER, NEVER


class Pool(Generic[K, M]):
    """The members, by place. `make` makes one; `chance` is a number from 0 to 1, another one each time."""

    def __init__(
        self, make: Callable[[K, Backoff], M], policy: Policy, chance: Callable[[], float] = random.random
    ) -> None:
        self.known: dict[K, M] = {}
        """Those that are listed, and those that were until a while ago."""
        self.listed: list[M] = []
        self.chance = chance
        self._make = make
        self._policy = policy

    def set_places(self, places: Iterable[K], now: float) -> list[M]:
        """List the members at these places and no others; those known already stay as they are. Returns the new."""
        listed = dict.fromkeys(places)
        new = [self._made(place) for place in listed if place not in self.known]
        self.listed = [self.known[place] for place in listed]
        for member in self.listed:
            member.listed_at = now
        return new

    def forget(self, now: float) -> list[M]:
        """Drop, and return, the members that are no longer listed, when they have no call and some time has passed."""
        unlisted = [each for each in self.known.values() if each not in self.listed and not each.calls]
        gone = [each for each in unlisted if now - each.listed_at >= FORGOTTEN_AFTER_S]
        for member in gone:
            del self.known[member.place]
        return gone

    def candidates(self, now: float) -> list[M]:
        """The listed members that may be tried."""
        return [
            each
            for each in self.listed
            if (self._policy.tries_down or each.serving is not False)
            and (self._policy.tries_resting or not each.rests(now))
        ]

    def choose(self, now: float, but: Container[M] = ()) -> M | None:
        """The best candidate `but` these: it serves, does not rest, is not full, has most free slots, fewest calls.

        Between equals chance decides, so that many processes do not all choose the same.
        """
        return min((each for each in self.candidates(now) if each not in but), key=self._rank(now), default=None)

    def known_failures(self, now: float) -> list[FailedTry]:
        """The failures because of which members are not tried now."""
        if self._policy.tries_resting:
            return []
        return [each.last_failure for each in self.listed if each.last_failure and each.rests(now)]

    def _rank(self, now: float) -> "Callable[[M], tuple[int, bool, bool, int, int, float]]":
        def rank(member: M) -> tuple[int, bool, bool, int, int, float]:
            health = {True: 0, None: 1, False: 2}[member.serving]
            free = -(member.free or 0)
            return health, member.rests(now), member.is_full(now), free, member.calls, self.chance()

        return rank

    def _made(self, place: K) -> M:
        backoff = Backoff(self._policy.first_rest_s, self._policy.longest_rest_s)
        member = self.known[place] = self._make(place, backoff)
        return member


class Limits(NamedTuple):
    """How long finding a member may take, in seconds."""

    one_try: float = 0.5
    """While another member is left to be tried. The last one has all the time that is left: whoever waits for an answer
    would rather wait a little longer than be refused."""
    search: float = 1.5
    failures: int | None = 3
    """How many failures end a search; refusals for capacity are none. None: the time alone limits it."""
    health: float = 0.2
    """How long a member's first health report is awaited before the member is tried without one."""
    wait_for_serving: float = 0.5
    """How long after its beginning a search waits for a member that serves, if none was full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How connections to servers are opened that hold a slot each."""

    most_leases: int
    """How many this process may hold at once."""
    try_limit_s: float
    """How long one server may take to be ready."""
    search_limit_s: float
    """How long finding one may take."""

    @property
    def limits(self) -> Limits:
        """Those of a search: as many tries as there is time for, and no waiting for a server to come back."""
        return Limits(self.try_limit_s, self.search_limit_s, failures=None, health=0.0, wait_for_serving=0.0)


class Wait(NamedTuple):
    """Nothing can be chosen yet: ask again at this time, or when something about the members has changed."""

    until: float


class NoneFound(NamedTuple):
    """Why no member was found: the tries in their order or, if there was none, why the members rest."""

    tries: tuple[FailedTry, ...]

    @property
    def is_full(self) -> bool:
        """Whether a member was full."""
        return any(each.outcome is Outcome.FULL for each in self.tries)

    @property
    def retry_after(self) -> float | None:
        """The shortest time after which a full member expects to have room; None: none was full."""
        return min((each.retry_after for each in self.tries if each.outcome is Outcome.FULL), default=None)

    @property
    def is_misconfigured(self) -> bool:
        """Whether there is no other reason than wrong settings."""
        return bool(self.tries) and all(each.outcome is Outcome.MISCONFIGURED for each in self.tries)


class Search(Generic[M]):
    """One search: `choose` a member, try it, note the outcome, until one admits or none is left."""

    def __init__(self, pool: "Pool[Any, M]", limits: Limits, now: float) -> None:
        self.limits = limits
        self.began = now
        self.ends_at = now + limits.search
        self._pool = pool
        self._since = now
        """When the search began, or its last try ended."""
        self._tried: list[M] = []
        self._tries: list[FailedTry] = []

    def avoid(self, members: Iterable[M]) -> None:
        """Do not try these members."""
        self._tried += members

    def choose(self, now: float) -> M | Wait | None:
        """The member to try next, each at most once; None: the search is over."""
        failures = sum(each.outcome is not Outcome.FULL for each in self._tries)
        if failures == self.limits.failures or now >= self.ends_at:
            return None
        best = self._pool.choose(now, self._tried)
        if best is None or not best.serving:
            until = self._patience(best)
            all_tried = self._pool.listed and all(each in self._tried for each in self._pool.listed)
            if now < until and not all_tried:
                return Wait(until)
        if best is not None:
            self._tried.append(best)
        return best

    def has_others(self, now: float) -> bool:
        """Whether there is a member that was not tried yet."""
        return self._pool.choose(now, self._tried) is not None

    def extend(self, seconds: float) -> None:
        """Let the search take longer: so long this process did nothing."""
        self.ends_at += seconds

    def admitted(self, member: M) -> None:
        """Note that a member took the call."""
        member.admitted()

    def not_admitted(self, member: M, failed: FailedTry, now: float) -> None:
        """Note that a member did not take the call."""
        self._since = now
        self._tries.append(failed)
        if failed.outcome is Outcome.FULL:
            member.refused(now, failed.retry_after)
        else:
            member.failed(now, failed, self._pool.chance())

    def ran_out(self, error: Exception) -> None:
        """Note that the search's time is over. That is no failure of the member that is being tried."""
        if not self._tries:
            self._tries.append(FailedTry(Outcome.FAILED, error))

    def none_found(self, now: float) -> NoneFound:
        """Why it found none."""
        return NoneFound(tuple(self._tries or self._pool.known_failures(now)))

    def _patience(self, best: M | None) -> float:
        """Until when a member that serves is waited for, if the best so far is this."""
        if best is not None:
            return self._since + self.limits.health
        if any(each.outcome is Outcome.FULL for each in self._tries):
            return self._since
        return self.began + self.limits.wait_for_serving
