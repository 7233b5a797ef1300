"""One client of the edge, with a microphone and a person in front of it, in real time.

It speaks the edge's native dialect: `ConverseRequest` and `ConverseResponse` as JSON. The person says bursts of tone,
each of which the stand-in recogniser takes for one word, so what was said is known exactly. A connection that is lost
is opened again, at the next edge: with the same conversation if the edge gave a token for it, else with a new one.
"""

import asyncio
import base64
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Self

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from chaos.journal import Dialled, Entry, Event, Lost, SpeechBegan, SpeechEnded, Typed, WordSaid
from chaos.resuming import Resumption
from mesh.audio import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE

_TONE_FRAMES = 3
_GAP_FRAMES = 2
"""Two, because a recogniser that listens again after a loss may cut its frames elsewhere, and one must be silent."""
WORD_S = (_TONE_FRAMES + _GAP_FRAMES) * FRAME_S
"""How long a word takes, with the gap behind it."""

_SESSION: dict[str, Any] = {"eagerness": "EAGERNESS_HIGH"}
"""The recogniser's words mean nothing, and would be waited for as if they led on."""

_OPEN_LIMIT_S = 3.0
_ADMISSION_LIMIT_S = 15.0
_PAUSES_S = (0.1, 0.2, 0.4, 0.8, 1.0)
"""Before each try to connect again; the last for all further ones."""
DEAD_AFTER_S = 1.0
"""How long a server may leave a ping unanswered. The conversation goes on elsewhere, so this need not be certain."""
_PINGS = 4
"""How many are sent in that time."""
_NOT_RESUMABLE = {"CHECKPOINT_INVALID", "CHECKPOINT_VERSION", "BAD_REQUEST"}
"""Reasons of a refusal after which only a new conversation makes sense."""
_UNSENT_LIMIT_BYTES = 8 << 20
_LOST_CODE = 1006


def _frame(samples: "np.ndarray[Any, np.dtype[np.int16]]") -> str:
    return msgspec.json.encode({"audio": {"audio": base64.b64encode(samples.tobytes()).decode()}}).decode()


_TONE = _frame((8_000 * np.sin(np.arange(FRAME_SAMPLES) * 2 * np.pi * 300 / SAMPLE_RATE)).astype(np.int16))
_SILENCE = _frame(np.zeros(FRAME_SAMPLES, np.int16))


class Caller:
    """A conversation. Use it as a context; `journal` fills meanwhile.

    `urls` are the edges, the first of which is dialled first. `session` are fields of `SessionConfig`, as JSON. An edge
    that leaves a ping unanswered for `dead_after_s` is given up.
    """

    def __init__(
        self, urls: Sequence[str], session: dict[str, Any] | None = None, *, dead_after_s: float = DEAD_AFTER_S
    ) -> None:
        self.journal: list[Entry] = []
        self.is_dropped = False
        self._urls = urls
        self._session = _SESSION if session is None else session
        self._dead_after_s = dead_after_s
        self._clock: Callable[[], float] = asyncio.get_running_loop().time
        self._frames: deque[tuple[str, Callable[[float], None] | None]] = deque()
        """What the person is still to say: frames, and what to do when each has been said."""
        self._connection: ClientConnection | None = None
        self._is_admitted = False
        self._resumption = Resumption()
        self._microphone: list[str] = []
        """The frames of this conversation, from its first."""
        self._sent = 0
        """How many of them were sent."""
        self._tasks: list[asyncio.Task[None]] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._send_microphone())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result

    # What the person does.

    async def say(self, words: int) -> None:
        """Say so many words, and return when the last was said."""
        done = asyncio.Event()

        def began(at: float) -> None:
            self.journal.append(SpeechBegan(at))

        def said(at: float) -> None:
            self.journal.append(WordSaid(at))

        def ended(at: float) -> None:
            self.journal.append(WordSaid(at))
            self.journal.append(SpeechEnded(at))
            done.set()

        for number in range(words):
            self._frames.append((_TONE, began if number == 0 else None))
            self._frames += [(_TONE, None)] * (_TONE_FRAMES - 2)
            self._frames.append((_TONE, ended if number == words - 1 else said))
            self._frames += [(_SILENCE, None)] * _GAP_FRAMES
        await done.wait()

    async def type(self, text: str) -> None:
        """Type a turn. A text that cannot be sent now is lost, as in a browser."""
        self.journal.append(Typed(self._clock()))
        await self._send(msgspec.json.encode({"text": {"text": text}}).decode())

    async def until(self, condition: Callable[[list[Entry]], bool], within_s: float) -> bool:
        """Wait until the journal fulfils a condition; False: it did not within so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not condition(self.journal):
                    self._changed.clear()
                    await self._changed.wait()
                return True
        return False

    async def until_admitted(self, within_s: float) -> bool:
        """Wait until there is a conversation; False: there is none within so many seconds."""
        return await self.until(lambda _: self._is_admitted, within_s)

    def drop(self) -> None:
        """Be gone, without a word to the server."""
        self.is_dropped = True
        if self._connection is not None:
            self._connection.transport.abort()
        for task in self._tasks:
            task.cancel()

    # What the client does.

    async def _stay_connected(self) -> None:
        tries = 0
        dialled = 0
        while True:
            admitted = await self._converse(self._urls[dialled % len(self._urls)], resumes=self._can_resume)
            tries = 0 if admitted else tries + 1
            dialled += 1
            await asyncio.sleep(_PAUSES_S[min(tries, len(_PAUSES_S) - 1)])

    @property
    def _can_resume(self) -> bool:
        return self._resumption.token is not None

    async def _converse(self, url: str, *, resumes: bool) -> bool:
        """Hold one connection to its end; whether it was admitted."""
        self._note(Dialled(self._clock(), again=resumes))
        code, reason = _LOST_CODE, ""
        try:
            async with connect(
                url,
                max_size=1 << 22,
                compression=None,
                open_timeout=_OPEN_LIMIT_S,
                close_timeout=0.2,
                ping_interval=self._dead_after_s / _PINGS,
                ping_timeout=self._dead_after_s,
                write_limit=_UNSENT_LIMIT_BYTES,
            ) as connection:
                self._connection = connection
                await connection.send(msgspec.json.encode({"config": self._config(resumes=resumes)}).decode())
                await self._receive(connection)
        except (OSError, TimeoutError, InvalidHandshake) as error:
            reason = type(error).__name__
        except ConnectionClosed as closed:
            if closed.rcvd is not None:
                code, reason = closed.rcvd.code, closed.rcvd.reason
        finally:
            admitted, self._is_admitted, self._connection = self._is_admitted, False, None
        self._note(Lost(self._clock(), code, reason))
        return admitted

    def _config(self, *, resumes: bool) -> dict[str, Any]:
        """The first message. A conversation that begins has nothing of the one before."""
        if resumes:
            return {"checkpoints": True, "resume": self._resumption.config()}
        self._resumption, self._microphone, self._sent = Resumption(), [], 0
        return {"checkpoints": True, "session": self._session}

    async def _receive(self, connection: ClientConnection) -> None:
        async with asyncio.timeout(_ADMISSION_LIMIT_S) as admission:
            while True:
                message = await connection.recv()
                fields = msgspec.json.decode(message)
                name = next(key for key in fields if key != "requestId")
                if name == "started":
                    if offset := fields[name].get("audioOffset"):
                        # What was said from there on is sent again.
                        self._sent = int(float(offset.removesuffix("s")) / FRAME_S)
                    self._is_admitted = True
                    admission.reschedule(None)
                if name == "error" and not self._is_admitted and fields[name].get("reason") in _NOT_RESUMABLE:
                    self._resumption.token = None
                self._resumption.feed(name, fields[name])
                if name != "checkpoint":
                    self._note(Event(self._clock(), name, _without_audio(fields[name])))

    async def _send_microphone(self) -> None:
        due = self._clock()
        while True:
            due += FRAME_S
            await asyncio.sleep(due - self._clock())
            frame, then = self._frames.popleft() if self._frames else (_SILENCE, None)
            # What is said while a conversation is being resumed is sent afterwards; before one, it is lost.
            if self._is_admitted or self._can_resume:
                self._microphone.append(frame)
            if self._is_admitted:
                await self._send_recorded()
            if then is not None:
                then(self._clock())

    async def _send_recorded(self) -> None:
        while self._is_admitted and self._sent < len(self._microphone):
            self._sent += 1
            await self._send(self._microphone[self._sent - 1])

    async def _send(self, message: str) -> None:
        if self._connection is not None:
            with suppress(ConnectionClosed):
                await self._connection.send(message)

    def _note(self, entry: Entry) -> None:
        self.journal.append(entry)
        self._changed.set()


def _without_audio(body: dict[str, Any]) -> dict[str, Any]:
    """The fields of an event; audio as its length in seconds."""
    if "audio" not in body:
        return body
    padding = body["audio"].count("=", -2)
    length = len(body["audio"]) * 3 // 4 - padding
    return {**body, "audio": length / 2 / SAMPLE_RATE}
