"""What all users of a test share, and what is common to their sessions whatever they do in them."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from loadtest.sessions import End, Lost, Mark, Refused, SessionRecord
from mesh.times import loop_time


class Scenario(Protocol):
    """What users do in a session."""

    name: str
    """Where they do it, for people."""
    kind: str
    """What they do: "conversation", "transcribe" or "synthesize"."""
    headline: Mark
    """The moment that is waited for most."""

    async def hold(self, stage: "Stage", record: SessionRecord) -> End:
        """Be one user for one session, which counts as live within `stage.admitted`. Raises `Refused` and `Lost`.

        When it is cancelled, the test is over: the connection is dropped, and nothing more is noted.
        """
        ...

    async def close(self) -> None:
        """Close what the sessions shared."""
        ...


class Stage:
    """What the users of a test share: since when it runs, who is there, and what happened.

    `note_late` is given the seconds by which each microphone frame was sent late.
    """

    def __init__(self, began: float, note_late: Callable[[float], None], chance: random.Random) -> None:
        self.began = began
        self.note_late = note_late
        self.chance = chance
        self.live = 0
        """Sessions that are admitted just now."""
        self.records: list[SessionRecord] = []

    def now(self) -> float:
        """Seconds since the test began."""
        return loop_time() - self.began

    @contextmanager
    def admitted(self, record: SessionRecord) -> Iterator[None]:
        """Count the session as live while the block runs."""
        record.admitted_after_s = self.now() - record.began_s
        self.live += 1
        try:
            yield
        finally:
            self.live -= 1


async def hold_session(stage: Stage, scenario: Scenario) -> SessionRecord:
    """One session and what came of it. When it is cancelled, its record stays without an end."""
    record = SessionRecord(len(stage.records), stage.now())
    stage.records.append(record)
    try:
        record.end = await scenario.hold(stage, record)
    except Refused as refused:
        record.end, record.reason = End.REFUSED, refused.reason
        record.refused_after_s = stage.now() - record.began_s
        record.before_upgrade, record.retry_after_s = refused.before_upgrade, refused.retry_after_s
    except Lost as lost:
        record.end, record.reason = End.LOST, lost.reason
    finally:
        record.ended_s = stage.now()
    return record
