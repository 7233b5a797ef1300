"""One reply's released audio on its way to the client, in messages as long as possible."""

import asyncio
from collections.abc import Callable

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE, Encoder
from mesh.times import duration
from parley.conversation.v1.conversation_pb2 import ConverseResponse, ReplyAudio

_RESERVE_S = 0.2
"""Audio that the listener needs sooner than this is sent at once."""

_WAIT_UNTIL_S = 0.1
"""Audio that waits is sent this long before the listener needs it, whatever comes."""

_LONGEST_SAMPLES = 5 * FRAME_SAMPLES
"""Samples in a message that has waited."""


class ReplyAudioOutput:
    """Gives `put` the messages with a reply's audio.

    Audio that the listener does not need yet waits for the next release, so that both go out in one message. Nobody can
    hear a sample before the first one was sent and those between have been heard, which says when one is needed.
    """

    def __init__(self, reply_id: str, encoder: Encoder, put: Callable[[ConverseResponse], None]) -> None:
        self._reply_id = reply_id
        self._encoder = encoder
        self._put = put
        self._loop = asyncio.get_running_loop()
        self._heard_from: float | None = None
        """When the first sample was sent, by the loop's clock."""
        self._waiting: list[bytes] = []
        self._waiting_from = 0
        """The position of the first sample that waits."""
        self._waiting_samples = 0
        self._timer: asyncio.TimerHandle | None = None

    def release(self, start: int, samples: int, pcm: bytes) -> None:
        """Send these `samples`, from the reply's sample `start` on, as soon as they are needed: 16-bit PCM, 24 kHz."""
        now = self._loop.time()
        if self._heard_from is None:
            self._heard_from = now - start / SAMPLE_RATE
        if not self._waiting:
            self._waiting_from = start
        self._waiting.append(pcm)
        self._waiting_samples += samples
        needed_in = self._heard_from + self._waiting_from / SAMPLE_RATE - now
        if needed_in <= _RESERVE_S or self._waiting_samples >= _LONGEST_SAMPLES:
            self.flush()
        elif self._timer is None:
            self._timer = self._loop.call_later(needed_in - _WAIT_UNTIL_S, self.flush)

    def flush(self) -> None:
        """Send what waits."""
        if not self._waiting:
            return
        audio = self._encoder.encode(b"".join(self._waiting))
        start = duration(self._waiting_from / SAMPLE_RATE)
        self.drop()
        self._put(ConverseResponse(reply_audio=ReplyAudio(reply_id=self._reply_id, audio=audio, start_offset=start)))

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self._waiting_samples = 0
        if self._timer:
            self._timer.cancel()
            self._timer = None
