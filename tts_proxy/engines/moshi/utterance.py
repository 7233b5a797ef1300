"""One reply spoken by the engine, as an `Utterance`."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mesh.errors import UpstreamDown
from mesh.limits import RepeatedLimit
from mesh.times import loop_time
from moshi_client.connection import Closed, Connection
from moshi_client.messages import Audio as AudioMessage
from moshi_client.messages import Eos, FromVoice, SpokenText, Text, numbers, packed
from tts_proxy.engine import Audio, Event
from tts_proxy.engines.moshi.alignment import Alignment
from tts_proxy.spoken.words import makes_sound

_MOST_UNSPOKEN: Final = 10_000
"""Characters that may wait to be spoken before more text has to wait outside."""
_STALL_LIMIT_S: Final = 3.0
"""How long the engine may say nothing once it has all of the text. Before, it waits for words itself."""
_UNTOLD: Final = 2
"""Words at a reply's end that the engine may leave out, as it does with what cannot be said."""
_FULL_SCALE: Final = np.float32(32_767)


class MoshiUtterance:
    """See `tts_proxy.engine.Utterance`."""

    def __init__(self, connection: Connection[FromVoice]) -> None:
        self._connection = connection
        self._alignment = Alignment()
        self._finished = False
        self._wrote = False
        self._spoke = False
        self._progress = asyncio.Event()
        self._stall_limit = RepeatedLimit(_STALL_LIMIT_S)
        self._changed_at = loop_time()

    async def speak(self, text: str) -> None:
        """Add whole words to what is said, each as a message of its own: the engine never sees half of one."""
        # A mark that stands alone would be spelled out, or choked on.
        for word in filter(makes_sound, text.split()):
            while self._alignment.characters > _MOST_UNSPOKEN:
                self._progress.clear()
                await self._progress.wait()
            self._wrote = True
            self._alignment.write(word)
            await self._connection.send(packed(Text(word)))

    async def finish(self) -> None:
        """No more text comes."""
        self._finished = True
        self._changed_at = loop_time()
        await self._connection.send(packed(Eos()))

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The speech. Raises `UpstreamDown` unless the engine has spoken to the end."""
        while (message := await self._next()) is not None:
            match message:
                case SpokenText(text, start_s, stop_s):
                    for word in self._alignment.speak(text, start_s, stop_s):
                        yield word
                    self._progress.set()
                case AudioMessage(pcm):
                    self._spoke = True
                    yield Audio(_as_pcm(numbers(pcm)))

    async def _next(self) -> FromVoice | None:
        """The next message; None at the end, when the engine closes the connection."""
        while True:
            try:
                with self._stall_limit:
                    message = await self._connection.receive()
            except TimeoutError:
                if self._finished and loop_time() - self._changed_at >= _STALL_LIMIT_S:
                    raise UpstreamDown(f"the engine has said nothing for {_STALL_LIMIT_S:g} s") from None
            except Closed as closed:
                self._check_end(closed)
                return None
            else:
                self._changed_at = loop_time()
                return message

    def _check_end(self, closed: Closed) -> None:
        if not self._finished:
            raise UpstreamDown("the engine has closed the stream before the text was complete") from closed
        if self._wrote and not self._spoke and len(self._alignment):
            raise UpstreamDown("the engine has closed the stream without having spoken") from closed
        if len(self._alignment) > (_UNTOLD if closed.orderly else 0):
            raise UpstreamDown("the engine has closed the stream in the middle of the speech") from closed


def _as_pcm(samples: NDArray[np.float32]) -> bytes:
    if not np.isfinite(samples).all():  # which is far cheaper than to replace what is not there
        samples = np.nan_to_num(samples)
    scaled = np.clip(samples, -1, 1) * _FULL_SCALE
    pcm: NDArray[np.int16] = np.rint(scaled, out=scaled).astype("<i2")
    return pcm.tobytes()
