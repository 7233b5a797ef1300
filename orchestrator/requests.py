"""What the client asks of a session that is running."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

from mesh.audio import Decoder
from mesh.errors import InvalidRequest
from mesh.times import seconds
from orchestrator import options, wire
from orchestrator.conversation import Policy
from orchestrator.conversation import events as ev
from orchestrator.llm import LanguageModel
from orchestrator.prompts import render
from orchestrator.session import Session
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb

_LONGEST_AUDIO_S = 10
_LONGEST_TEXT = 10_000
_SAMPLE_BYTES = 2


class HungUp(Exception):  # noqa: N818 - named after what has happened
    """The client, or the way to it, has gone: the conversation ends at once."""


class SessionOptions:
    """The session's settings, as they were given bit by bit."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._given = pb.SessionConfig()
        self._policy = Policy()

    def change(self, config: pb.SessionConfig) -> ev.SessionConfigured:
        """Take in the fields that `config` sets; raises `InvalidRequest`, and then none of them counts."""
        policy = options.policy_of(config, self._policy)
        instructions = None
        if config.HasField("instructions"):
            instructions = render(config.instructions, model=self._model.known_name, now=datetime.now(UTC).astimezone())
            self._given.ClearField("instructions")  # a character is replaced, not merged field by field
        self._policy = policy
        self._given.MergeFrom(config)
        voice = config.voice if config.HasField("voice") else None
        return ev.SessionConfigured(policy=policy, instructions=instructions, voice=voice)

    def effective(self) -> pb.SessionConfig:
        """Return the session as it stands."""
        return options.config_of(self._given, self._policy)


class Requests:
    """Reads a client's requests and has each performed, or rejected. Without a format for `audio` the person types."""

    def __init__(self, session: Session, session_options: SessionOptions, audio: AudioFormat | None) -> None:
        self._session = session
        self._options = session_options
        self._decoder = None if audio is None else Decoder(audio)
        self._most_bytes = 0 if audio is None else _LONGEST_AUDIO_S * _bytes_per_second(audio)
        self._finished = False

    async def run(self, requests: AsyncIterator[pb.ConverseRequest]) -> None:
        """Read to the end. Raises `HungUp` at an end without `finish`."""
        async for request in requests:
            request_id = request.request_id if request.HasField("request_id") else None
            try:
                self._received(request, request_id)
            except InvalidRequest as error:
                self._session.send(wire.rejection(error.reason, error.message), request_id)
        if not self._finished:
            raise HungUp

    def _received(self, request: pb.ConverseRequest, request_id: str | None) -> None:
        kind = request.WhichOneof("request")
        if self._finished and kind != "playback":
            raise InvalidRequest("nothing may follow finish, but for playback")
        match kind:
            case "audio":
                self._audio(request.audio.audio)
            case "text":
                self._text(request.text, request_id)
            case "update":
                self._session.tell(self._options.change(request.update.session), request_id)
                updated = pb.SessionUpdated(session=self._options.effective())
                self._session.send(pb.ConverseResponse(session_updated=updated), request_id)
            case "playback":
                self._playback(request.playback)
            case "finish":
                self._finished = True
                self._session.tell(ev.FinishRequested(), request_id)
            case "config":
                raise InvalidRequest("config opens a conversation and may be sent only once; use update")
            case _:
                raise InvalidRequest("an empty request: expected audio, text, update, finish or playback")

    def _audio(self, audio: bytes) -> None:
        if self._decoder is None:
            raise NoMicrophone("this conversation is typed only: open it without typed_only to send audio")
        if len(audio) > self._most_bytes:
            raise AudioTooLong(f"more than {_LONGEST_AUDIO_S} s of audio in one message: expected frames of 80 ms")
        if pcm := self._decoder.decode(audio):
            self._session.listener.hear(pcm)
            self._session.tell(ev.MicrophoneHeard(len(pcm) // _SAMPLE_BYTES))

    def _text(self, text: pb.UserText, request_id: str | None) -> None:
        if not text.text.strip() or len(text.text) > _LONGEST_TEXT:
            raise InvalidRequest(
                f"a typed turn of {len(text.text)} characters: expected 1 to {_LONGEST_TEXT}, not blank"
            )
        item_id = text.item_id if text.HasField("item_id") else None
        self._session.tell(ev.UserTyped(text.text.strip(), item_id), request_id)

    def _playback(self, playback: pb.ReplyPlayback) -> None:
        played = seconds(playback.played_duration)
        if played < 0:
            raise InvalidRequest(f"playback.played_duration is {played:g} s: expected 0 s or more")
        self._session.tell(ev.ReplyPlayed(playback.reply_id, played, playback.paused))


def _bytes_per_second(audio: AudioFormat) -> int:
    return audio.sample_rate_hertz * (_SAMPLE_BYTES if audio.encoding == AUDIO_ENCODING_LINEAR16 else 1)


class NoMicrophone(InvalidRequest):
    """Audio was sent into a conversation that is typed only."""

    default_reason = "NO_MICROPHONE"


class AudioTooLong(InvalidRequest):
    """More audio in one message than is taken."""

    default_reason = "AUDIO_TOO_LONG"
