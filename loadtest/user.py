"""One simulated user: connects, has a conversation of several turns, and hangs up."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from loadtest.conversation import ConversationLog
from loadtest.microphone import Microphone
from loadtest.sessions import End, Lost, Refused, SessionRecord
from loadtest.targets import Connection, ConversationTarget
from mesh.tasks import beside
from mesh.times import loop_time


class Habits(NamedTuple):
    """How users behave. Shares are from 0 to 1; times are in seconds."""

    turns: int = 5
    """Turns of one conversation."""
    barge_in: float = 0.0
    """The share of replies that the user speaks over."""
    drop: float = 0.0
    """The share of conversations whose connection is dropped in the middle."""
    patience_s: float = 20.0
    """How long an answer is waited for, from the end of the question."""
    longest_reply_s: float = 60.0
    """How long a reply is listened to."""
    pause_s: tuple[float, float] = (0.5, 1.5)
    """Between the end of a reply and the next question, drawn anew for each."""
    barge_in_after_s: tuple[float, float] = (0.5, 2.0)
    """From a reply's first audio to the user's speaking over it."""
    drop_after_s: tuple[float, float] = (1.0, 20.0)
    """From the admission to the drop."""


class Stage:
    """What all users share: where they call, how they behave, and when the test began.

    `note_late` is given the seconds by which each microphone frame was sent late. `live` is how many sessions are
    admitted just now.
    """

    def __init__(
        self,
        target: ConversationTarget,
        habits: Habits,
        began: float,
        note_late: Callable[[float], None],
        chance: random.Random,
    ) -> None:
        self.target = target
        self.habits = habits
        self.began = began
        self.note_late = note_late
        self.chance = chance
        self.live = 0
        self.records: list[SessionRecord] = []

    def now(self) -> float:
        """Seconds since the test began."""
        return loop_time() - self.began

    def new_record(self) -> SessionRecord:
        """The record of a session that begins now."""
        record = SessionRecord(len(self.records), self.now())
        self.records.append(record)
        return record


async def hold_session(stage: Stage) -> SessionRecord:
    """Be one user for one session, and return what came of it. When cancelled, the record stays without an end."""
    record = stage.new_record()
    changed = asyncio.Event()
    log = ConversationLog(record, stage.began, changed.set)
    began = loop_time()
    try:
        connection = await stage.target.connect(log)
    except Refused as refused:
        record.end, record.reason = End.REFUSED, refused.reason
        record.refused_after_s = loop_time() - began
        record.before_upgrade, record.retry_after_s = refused.before_upgrade, refused.retry_after_s
        record.ended_s = stage.now()
        return record
    record.admitted_after_s = loop_time() - began
    stage.live += 1
    user = _User(stage, connection, log, changed)
    try:
        record.end = await user.converse()
    except Lost as lost:
        record.end, record.reason = End.LOST, lost.reason
    finally:
        stage.live -= 1
        record.ended_s = stage.now()
        if record.end is None:
            # The test is over, and so is this task.
            log.left()
            connection.abort()
    return record


class _User:
    def __init__(self, stage: Stage, connection: Connection, log: ConversationLog, changed: asyncio.Event) -> None:
        self._stage = stage
        self._connection = connection
        self._log = log
        self._changed = changed
        self._chance = stage.chance
        self._microphone = Microphone(stage.target.voice, connection.send_frame, stage.note_late)

    async def converse(self) -> End:
        """Have the conversation. Raises `Lost`."""
        habits = self._stage.habits
        drop_after_s = self._chance.uniform(*habits.drop_after_s) if self._chance.random() < habits.drop else None
        self._microphone.start()
        try:
            async with asyncio.timeout(drop_after_s), beside(self._connection.until_lost()):
                await asyncio.sleep(self._chance.uniform(*habits.pause_s))
                for _ in range(habits.turns):
                    await self._turn()
        except TimeoutError:
            self._log.left()
            self._connection.abort()
            return End.DROPPED
        finally:
            self._microphone.stop()
        self._log.left()
        await self._connection.close()
        return End.COMPLETE

    async def _turn(self) -> None:
        """Ask, and hear the answer, or enough of it to speak over the rest."""
        log, habits = self._log, self._stage.habits
        log.speech_began(loop_time())
        self._microphone.say(self._chance.choice(self._stage.target.voice.utterances), log.speech_ended)
        await self._until(lambda: not log.speaking)
        await self._until(lambda: log.has_audio or log.turn_over, habits.patience_s)
        if not log.has_audio:
            log.gave_up()
        elif self._chance.random() < habits.barge_in:
            await asyncio.sleep(self._chance.uniform(*habits.barge_in_after_s))
            return
        await self._until(lambda: log.turn_over and not log.replying, habits.longest_reply_s)
        log.gave_up()
        # What has come is heard to its end.
        await asyncio.sleep(log.quiet_at - loop_time() + self._chance.uniform(*habits.pause_s))

    async def _until(self, reached: Callable[[], bool], within_s: float | None = None) -> None:
        """Wait until it is so, or as long as that."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not reached():
                    self._changed.clear()
                    await self._changed.wait()
