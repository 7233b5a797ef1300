"""The stand-in for moshi-server's recogniser: `/api/asr-streaming`."""

from collections import deque

from standins import wire
from standins.connection import FaultyConnection
from standins.model import Model
from standins.moshi import MoshiEngine, Served
from standins.stt.options import SttOptions
from standins.stt.recognition import HeardWord, SpeechModel
from standins.websocket import Handshake, Times

_QUEUED_LIMIT_SAMPLES = 120 * wire.SAMPLE_RATE
"""Audio that may wait for the model. The real engine knows no limit."""


class SttSession(Served):
    """One connection: what came, and what was said to it."""

    def __init__(
        self, handshake: Handshake, connection: FaultyConnection, times: Times, options: SttOptions, model: Model
    ) -> None:
        super().__init__(handshake, connection, times)
        self.frames = 0
        """Frames recognised."""
        self.words: list[str] = []
        """What was sent."""
        self._options = options
        self._model = model
        self._speech = SpeechModel(options)
        self._messages: deque[wire.ClientMessage] = deque((wire.Init(),))
        self._queued_samples = 0
        self._buffer: list[float] = []
        self._markers: list[tuple[int, int]] = []

    def opened(self) -> None:
        """Have the model pick the slot up."""
        super().opened()
        self._model.add(self)
        self.finally_(lambda: self._model.remove(self))

    def received(self, message: bytes | str) -> None:
        """Queue a message. Text is ignored, and what cannot be read ends the connection without a close frame."""
        if isinstance(message, str):
            return
        try:
            unpacked = wire.unpack(message, wire.STT_KINDS)
        except wire.BadMessage:
            self.connection.hang_up()
            return
        if isinstance(unpacked, wire.Audio):
            self._queued_samples += len(unpacked.pcm)
            if self._queued_samples > _QUEUED_LIMIT_SAMPLES:
                self.connection.hang_up()
                return
        self._messages.append(unpacked)
        self._model.wake()

    def can_step(self) -> bool:
        """Whether there is a message to take or a frame to recognise."""
        return bool(self._messages) or len(self._buffer) >= wire.FRAME_SAMPLES

    def step(self, step_idx: int) -> bool:
        """Take one message and recognise one frame, if there are."""
        if self._messages:
            self._take(self._messages.popleft(), step_idx)
        if len(self._buffer) < wire.FRAME_SAMPLES:
            return False
        frame = self._buffer[: wire.FRAME_SAMPLES]
        del self._buffer[: wire.FRAME_SAMPLES]
        self._queued_samples -= wire.FRAME_SAMPLES
        self._recognise(frame, step_idx)
        return True

    def _take(self, message: wire.ClientMessage, step_idx: int) -> None:
        match message:
            case wire.Audio(pcm=pcm):
                self._buffer += pcm
            case wire.Marker(id=marker_id):
                ahead = self._options.delay_frames + len(self._buffer) // wire.FRAME_SAMPLES
                self._markers.append((step_idx - 1 + ahead, marker_id))
            case wire.Init():
                self._speech = SpeechModel(self._options)
                self.connection.send(wire.ready())
                if self._options.old:
                    self.connection.send(wire.word("", 0.0))

    def _recognise(self, frame: list[float], step_idx: int) -> None:
        heard = self._speech.feed(frame)
        self.frames += 1
        self.connection.send(wire.step(step_idx, heard.prs, None if self._options.old else len(self._buffer)))
        for event in heard.events:
            if isinstance(event, HeardWord):
                self.words.append(event.text)
                self.connection.send(wire.word(event.text, event.start_time))
            else:
                self.connection.send(wire.end_word(event.stop_time))
        due = [marker_id for at, marker_id in self._markers if at <= step_idx]
        self._markers = [(at, marker_id) for at, marker_id in self._markers if at > step_idx]
        for marker_id in due:
            self.connection.send(wire.marker(marker_id))


class SttEngine(MoshiEngine[SttOptions, SttSession]):
    """Hears words while there is energy."""

    kind = "stt"
    path = "/api/asr-streaming"
    module = {"type": "batched_asr", "lm": "stand-in", "audio_tokenizer": "stand-in"}  # noqa: RUF012 - of all alike
    metrics_prefix = "asr"
    cross_talk = (wire.word("stray", 1.0), wire.end_word(1.2), wire.step(7, (0.5, 0.5, 0.5, 0.5), 0))

    def __init__(self, options: SttOptions | None = None) -> None:
        super().__init__(options or SttOptions())

    def _session(self, handshake: Handshake, connection: FaultyConnection) -> SttSession:
        self.model.step_s = self.options.step_s
        return SttSession(handshake, connection, self._times(), self.options, self.model)

    def _times(self) -> Times:
        return super()._times()._replace(binary=self.options.binary_limit_s)
