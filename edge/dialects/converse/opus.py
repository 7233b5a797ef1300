"""Ogg Opus in place of PCM, in either direction of a conversation."""

from collections.abc import Iterator
from typing import Final

from edge.audio.frames import Frames
from edge.audio.opus import OpusDecoder, OpusEncoder
from mesh.audio import SAMPLE_RATE
from mesh.errors import BadAudioFormat
from mesh.times import duration, seconds
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_OGG_OPUS, AudioFormat
from parley.conversation.v1.conversation_pb2 import ConverseRequest, ConverseResponse, ReplyAudio, UserAudio

OGG_OPUS: Final = AudioFormat(encoding=AUDIO_ENCODING_OGG_OPUS, sample_rate_hertz=SAMPLE_RATE)
"""The one Opus format: what is encoded, and what decoding gives, has 24 000 samples a second."""

_SAMPLE_BYTES = 2


def is_opus(offered: AudioFormat, field: str) -> bool:
    """Whether the client asks for Opus. Raises `BadAudioFormat`, which blames `field`, if at another rate."""
    if offered.encoding != AUDIO_ENCODING_OGG_OPUS:
        return False
    if offered.sample_rate_hertz not in (0, SAMPLE_RATE):
        raise BadAudioFormat(
            f"Ogg Opus at {offered.sample_rate_hertz} Hz is not taken here, only at {SAMPLE_RATE} Hz", field=field
        )
    return True


class OpusMicrophone:
    """A client's microphone as one Ogg Opus stream, turned into frames for the service."""

    def __init__(self) -> None:
        self._decoder = OpusDecoder()
        self._frames = Frames()

    def frames(self, piece: bytes, now: float) -> Iterator[ConverseRequest]:
        """The 80 ms frames that the next piece completes. Raises `InvalidAudio`, after those that are good."""
        for pcm in self._decoder.decode(piece, now):
            for frame in self._frames.add(pcm):
                yield ConverseRequest(audio=UserAudio(audio=frame))


class OpusReplies:
    """The replies of one connection, spoken in one Ogg Opus stream that lasts as long as it does."""

    def __init__(self) -> None:
        self._encoder = OpusEncoder()
        self._end_s = 0.0
        """Where the audio ends that was encoded last, in seconds of its reply."""

    def encoded(self, response: ConverseResponse) -> Iterator[ConverseResponse]:
        """What stands for `response`: its audio encoded. What the encoder holds back goes before a reply's end."""
        match response.WhichOneof("event"):
            case "reply_audio":
                audio = response.reply_audio
                self._end_s = seconds(audio.start_offset) + len(audio.audio) / _SAMPLE_BYTES / SAMPLE_RATE
                # A page is whole when there are samples for it; until then there is nothing to send.
                if pages := self._encoder.encode(audio.audio):
                    audio.audio = pages
                    yield response
            case "reply_released":
                yield from self._rest(response.reply_released.reply_id)
                yield response
            case "reply_cancelled":
                yield from self._rest(response.reply_cancelled.reply_id)
                yield response
            case _:
                yield response

    def _rest(self, reply_id: str) -> Iterator[ConverseResponse]:
        """The end of a reply, so that the next one does not begin with it."""
        if pages := self._encoder.flush():
            rest = ReplyAudio(reply_id=reply_id, audio=pages, start_offset=duration(self._end_s))
            yield ConverseResponse(reply_audio=rest)
