"""The stand-in for moshi-server's synthesis: `/api/tts_streaming`."""

from http import HTTPStatus

from standins import wire
from standins.connection import FaultyConnection
from standins.model import Model
from standins.moshi import MoshiEngine, Served
from standins.tts import sound
from standins.tts.options import TtsOptions
from standins.tts.speaking import Sound, Speaking, Spoken
from standins.websocket import Handshake, Refusal, Times

_BARE, _PACKED = "Pcm", "PcmMessagePack"
_FORMATS = (_BARE, _PACKED)


class TtsSession(Served):
    """One utterance: what came, and how much was said."""

    def __init__(
        self, handshake: Handshake, connection: FaultyConnection, times: Times, options: TtsOptions, model: Model
    ) -> None:
        super().__init__(handshake, connection, times)
        self.voice_name = handshake.query.get("voice")
        """The voice that was asked for by name."""
        self.voice_message: bytes | None = None
        """The voice that was sent, byte for byte, if it came before the first text."""
        self.first_message: bytes | None = None
        self.texts: list[str] = []
        """What was to be said, as it came."""
        self.ended = False
        """Whether `Eos` has come."""
        self._packed = handshake.query.get("format") == _PACKED
        self._options = options
        self._model = model
        self._speaking = Speaking(options)

    @property
    def frames(self) -> int:
        """How much was said."""
        return self._speaking.frames

    def opened(self) -> None:
        """Say that the slot is theirs."""
        super().opened()
        if self._packed:
            self.connection.send(wire.ready())
            if self._options.old:
                self.connection.send(wire.text("", 0.0, 0.0))
        self._model.add(self)
        self.finally_(lambda: self._model.remove(self))

    def received(self, message: bytes | str) -> None:
        """Take a message; what cannot be read closes the connection, without a code."""
        if isinstance(message, str):
            self._say(message)
        else:
            if self.first_message is None:
                self.first_message = message
            try:
                self._take(wire.Eos() if message == b"\0" else wire.unpack(message, wire.TTS_KINDS), message)
            except wire.BadMessage:
                self.connection.close()
                return
        if self._speaking.finished:
            self.connection.close()
        self._model.wake()

    def can_step(self) -> bool:
        """Whether there are words enough, and a client that takes what they become."""
        return self._speaking.can_step() and self.connection.writable

    def step(self, step_idx: int) -> bool:
        """Make the next frame."""
        del step_idx
        for made in self._speaking.step():
            match made:
                case Sound(samples=samples):
                    self.connection.send(sound.message(samples) if self._packed else samples)
                case Spoken(text=text, start_s=start, stop_s=stop) if self._packed:
                    self.connection.send(wire.text(text, start, stop))
        if self._speaking.finished:
            self.connection.close()
        return True

    def _take(self, message: wire.ClientMessage, received: bytes) -> None:
        match message:
            case wire.Text(text=text):
                self._say(text)
            case wire.Voice() if not self.texts:
                self.voice_message = received
            case wire.Eos():
                self.ended = True
                self._speaking.end()

    def _say(self, text: str) -> None:
        self.texts.append(text)
        self._speaking.add(text)


class TtsEngine(MoshiEngine[TtsOptions, TtsSession]):
    """Speaks a burst of tone a word."""

    kind = "tts"
    path = "/api/tts_streaming"
    module = {"type": "py", "script": "stand-in"}  # noqa: RUF012 - of all alike
    metrics_prefix = "py"
    cross_talk = (wire.text("stray", 1.0, 1.2), wire.audio([0.25] * wire.FRAME_SAMPLES))

    def __init__(self, options: TtsOptions | None = None) -> None:
        super().__init__(options or TtsOptions())

    def _session(self, handshake: Handshake, connection: FaultyConnection) -> TtsSession:
        self.model.step_s = wire.FRAME_S / self.options.speed
        return TtsSession(handshake, connection, self._times(), self.options, self.model)

    def _unacceptable(self, handshake: Handshake) -> Refusal | None:
        if (asked := handshake.query.get("format", "OggOpus")) not in _FORMATS:
            return Refusal(HTTPStatus.BAD_REQUEST, f"the stand-in speaks {' and '.join(_FORMATS)}, not {asked[:40]}")
        return None

    def _tells_full(self, handshake: Handshake) -> bool:
        return handshake.query.get("format") == _PACKED
