"""Users who talk: each connects, has a conversation of several turns, and hangs up."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from loadtest.conversation import ConversationLog
from loadtest.microphone import Microphone
from loadtest.sessions import End, Mark, SessionRecord
from loadtest.speech import Voice
from loadtest.stage import Stage
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


class Talking:
    """Conversations at `target`, of users with these `habits`."""

    kind = "conversation"
    headline = Mark.FIRST_AUDIO

    def __init__(self, target: ConversationTarget, habits: Habits) -> None:
        self.name = target.name
        self._target = target
        self._habits = habits

    async def hold(self, stage: Stage, record: SessionRecord) -> End:
        """Hold one conversation. Raises `Refused` and `Lost`."""
        changed = asyncio.Event()
        log = ConversationLog(record, stage.began, changed.set)
        connection = await self._target.connect(log)
        with stage.admitted(record):
            user = _User(stage, self._habits, self._target.voice, connection=connection, log=log, changed=changed)
            try:
                return await user.converse()
            finally:
                # If the test is over, it is cut off here.
                log.left()
                connection.abort()

    async def close(self) -> None:
        """Close what the conversations shared."""
        await self._target.close()


class _User:
    def __init__(
        self,
        stage: Stage,
        habits: Habits,
        voice: Voice,
        *,
        connection: Connection,
        log: ConversationLog,
        changed: asyncio.Event,
    ) -> None:
        self._habits = habits
        self._voice = voice
        self._connection = connection
        self._log = log
        self._changed = changed
        self._chance = stage.chance
        self._microphone = Microphone(voice, connection.send_frame, stage.note_late)

    async def converse(self) -> End:
        """Have the conversation. Raises `Lost`."""
        habits = self._habits
        drop_after_s = self._chance.uniform(*habits.drop_after_s) if self._chance.random() < habits.drop else None
        self._microphone.start()
        try:
            async with asyncio.timeout(drop_after_s), beside(self._connection.until_lost()):
                await asyncio.sleep(self._chance.uniform(*habits.pause_s))
                for _ in range(habits.turns):
                    await self._turn()
        except TimeoutError:
            self._log.left()
            return End.DROPPED
        finally:
            self._microphone.stop()
        self._log.left()
        await self._connection.close()
        return End.COMPLETE

    async def _turn(self) -> None:
        """Ask, and hear the answer, or enough of it to speak over the rest."""
        log, habits = self._log, self._habits
        log.speech_began(loop_time())
        self._microphone.say(self._chance.choice(self._voice.utterances), log.speech_ended)
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
