"""What the client asks of a session that is running."""

from collections.abc import AsyncIterator

from mesh.audio import SAMPLE_BYTES, Decoder
from mesh.errors import InvalidRequest
from mesh.times import seconds
from orchestrator.conversation import events as ev
from orchestrator.session import wire
from orchestrator.session.options import SessionOptions
from orchestrator.session.session import Session
from orchestrator.session.text_limits import LIMITS, check_texts
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb

_LONGEST_AUDIO_S = 10
_LONGEST_ID = LIMITS["parley.conversation.v1.ConverseRequest.request_id"]


class HungUp(Exception):
    """The client, or the way to it, has gone: the conversation ends at once."""


class Requests:
    """Reads a client's requests and has each performed, or rejected, before the next is read.

    Without a format for `audio` the person types.
    """

    def __init__(self, session: Session, options: SessionOptions, audio: AudioFormat | None) -> None:
        self._session = session
        self._options = options
        self._decoder = None if audio is None else Decoder(audio)
        self._most_bytes = 0 if audio is None else _LONGEST_AUDIO_S * _bytes_per_second(audio)
        self._finished = False

    async def run(self, requests: AsyncIterator[pb.ConverseRequest]) -> None:
        """Read to the end, and perform all. Raises `HungUp` at an end without `finish`."""
        async for request in requests:
            try:
                self._perform(request)
            except InvalidRequest as error:
                self._session.send(wire.rejection(error.reason, error.message), _id_of(request))
        if not self._finished:
            raise HungUp

    def _perform(self, request: pb.ConverseRequest) -> None:
        kind = request.WhichOneof("request")
        if kind != "audio":
            self._session.requests += 1
        request_id = _id_of(request)
        if kind != "audio" or request.HasField("request_id"):  # there are many with audio alone
            if _refuses_recording(request.update.session):
                self._session.recorder.refuse()  # whatever else is asked, and even if that is rejected
            check_texts(request)
        if self._finished and kind != "playback":
            raise InvalidRequest("nothing may follow finish, but for playback")
        match kind:
            case "audio":
                self._audio(request.audio.audio)
            case "playback":
                self._playback(request.playback)
            case "text":
                self._text(request.text, request_id)
            case "update":
                self._update(request.update.session, request_id)
            case "cancel_reply":
                cancelled = request.cancel_reply
                reply_id = cancelled.reply_id if cancelled.HasField("reply_id") else None
                self._session.notify(ev.CancellationRequested(reply_id), request_id)
            case "say":
                self._session.notify(ev.SayRequested(_words(request.say.text, "a text to say")), request_id)
            case "commit_turn":
                self._session.notify(ev.TurnCommitted(), request_id)
            case "finish":
                self._finished = True
                self._session.notify(ev.FinishRequested(), request_id)
            case "config":
                raise InvalidRequest("config opens a conversation and may be sent only once; use update")
            case _:
                raise InvalidRequest(
                    "an empty request: expected audio, text, update, say, commit_turn, cancel_reply, playback or finish"
                )

    def _update(self, config: pb.SessionConfig, request_id: str | None) -> None:
        self._session.configure(config, self._options.change(config), request_id)
        updated = pb.SessionUpdated(session=self._options.effective())
        self._session.send(pb.ConverseResponse(session_updated=updated), request_id)

    def _audio(self, audio: bytes) -> None:
        if self._decoder is None:
            raise NoMicrophone("this conversation is typed only: open it without typed_only to send audio")
        if len(audio) > self._most_bytes:
            raise AudioTooLong(f"more than {_LONGEST_AUDIO_S} s of audio in one message: expected frames of 80 ms")
        if pcm := self._decoder.decode(audio):
            self._session.recognition.feed(pcm)
            self._session.notify(ev.MicrophoneAudioArrived(len(pcm) // SAMPLE_BYTES))

    def _text(self, text: pb.UserText, request_id: str | None) -> None:
        words = _words(text.text, "a typed turn")
        item_id = text.item_id if text.HasField("item_id") else None
        self._session.notify(ev.UserTyped(words, item_id), request_id)

    def _playback(self, playback: pb.ReplyPlayback) -> None:
        played = seconds(playback.played_duration)
        if played < 0:
            raise InvalidRequest(f"playback.played_duration is {played:g} s: expected 0 s or more")
        self._session.notify(ev.ReplyPlaybackReported(playback.reply_id, played, playback.paused))


def _words(text: str, what: str) -> str:
    if not text.strip():
        raise InvalidRequest(f"{what} of {len(text)} characters: expected 1 to 10000, not blank")
    return text.strip()


def _id_of(request: pb.ConverseRequest) -> str | None:
    """The id to answer with; None also for one that is too long to be sent back."""
    given = request.HasField("request_id") and len(request.request_id) <= _LONGEST_ID
    return request.request_id if given else None


def _refuses_recording(config: pb.SessionConfig) -> bool:
    return config.HasField("recording_consent") and not config.recording_consent


def _bytes_per_second(audio: AudioFormat) -> int:
    return audio.sample_rate_hertz * (SAMPLE_BYTES if audio.encoding == AUDIO_ENCODING_LINEAR16 else 1)


class NoMicrophone(InvalidRequest):
    """Audio was sent into a conversation that is typed only."""

    default_reason = "NO_MICROPHONE"


class AudioTooLong(InvalidRequest):
    """More audio in one message than is taken."""

    default_reason = "AUDIO_TOO_LONG"
