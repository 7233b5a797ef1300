"""What the client asks of a session that is running."""

from collections import deque
from collections.abc import AsyncIterator, Callable

from mesh.audio import Decoder
from mesh.errors import InvalidRequest
from mesh.tasks import beside
from mesh.times import seconds
from orchestrator.conversation import Policy
from orchestrator.conversation import events as ev
from orchestrator.llm.client import LanguageModel
from orchestrator.prompts.prompts import Prompts
from orchestrator.session import options, wire
from orchestrator.session.session import Session
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb

_LONGEST_AUDIO_S = 10
_LONGEST_TEXT = 10_000
_SAMPLE_BYTES = 2

_MOST_WAITING = 32
"""Requests that may wait for the news."""


class HungUp(Exception):
    """The client, or the way to it, has gone: the conversation ends at once."""


class SessionOptions:
    """The session's settings, as they were given bit by bit."""

    def __init__(self, model: LanguageModel, prompts: Prompts) -> None:
        self._model = model
        self._prompts = prompts
        self._given = pb.SessionConfig()
        self._policy = Policy()

    def change(self, config: pb.SessionConfig) -> ev.SessionConfigured:
        """Take in the fields that `config` sets; raises `InvalidRequest`, and then none of them counts."""
        policy = options.policy_of(config, self._policy)
        instructions = None
        if config.HasField("instructions"):
            instructions = self._prompts.render(config.instructions, model=self._model.known_name)
            self._given.ClearField("instructions")  # a character is replaced, not merged field by field
        self._policy = policy
        self._given.MergeFrom(config)
        voice = config.voice if config.HasField("voice") else None
        return ev.SessionConfigured(policy=policy, instructions=instructions, voice=voice)

    def opening(self, config: pb.SessionConfig) -> tuple[pb.SessionConfig, pb.SessionConfig | None]:
        """Part `config` into what can be changed at once, and what has to be prepared before."""
        if self.is_prepared(config):
            return config, None
        at_once = pb.SessionConfig()
        at_once.CopyFrom(config)
        at_once.ClearField("instructions")
        return at_once, pb.SessionConfig(instructions=config.instructions)

    def is_prepared(self, config: pb.SessionConfig) -> bool:
        """Whether `change` can do without `prepare`; also if it will raise."""
        return self._prompts.is_prepared(config.instructions)

    async def prepare(self, config: pb.SessionConfig) -> None:
        """Fetch what `change` needs for `config`. Takes seconds at most, and never fails."""
        await self._prompts.prepare(config.instructions)

    def effective(self) -> pb.SessionConfig:
        """Return the session as it stands."""
        return options.config_of(self._given, self._policy)


class Requests:
    """Reads a client's requests and has each performed, or rejected. Without a format for `audio` the person types.

    Each is performed before the next is read, but for an update that needs the news: it waits for them, and whatever
    comes after it waits behind it, in order. Audio and `playback` never wait. `late` is an update to begin with.
    """

    def __init__(
        self,
        session: Session,
        session_options: SessionOptions,
        audio: AudioFormat | None,
        late: pb.ConverseRequest | None = None,
    ) -> None:
        self._session = session
        self._options = session_options
        self._decoder = None if audio is None else Decoder(audio)
        self._most_bytes = 0 if audio is None else _LONGEST_AUDIO_S * _bytes_per_second(audio)
        self._finished = False
        self._waiting = deque([] if late is None else [late])
        """What has been read and not performed. The first stays until it has been: nothing overtakes it."""

    async def run(self, requests: AsyncIterator[pb.ConverseRequest]) -> None:
        """Read to the end, and perform all. Raises `HungUp` at an end without `finish`."""
        async with beside() as tasks:
            catching_up = tasks.create_task(self._catch_up())
            async for request in requests:
                self._answering(request, self._received)
                if self._waiting and catching_up.done():
                    catching_up = tasks.create_task(self._catch_up())
            if not self._finished:
                raise HungUp
            await catching_up

    async def _catch_up(self) -> None:
        while self._waiting:
            request = self._waiting[0]
            await self._options.prepare(request.update.session)
            self._answering(request, self._perform)
            self._waiting.popleft()

    def _answering(self, request: pb.ConverseRequest, act: Callable[[pb.ConverseRequest], None]) -> None:
        """Have something done about a request, or tell the client why it cannot be."""
        try:
            act(request)
        except InvalidRequest as error:
            self._session.send(wire.rejection(error.reason, error.message), _id_of(request))

    def _received(self, request: pb.ConverseRequest) -> None:
        kind = request.WhichOneof("request")
        if _refuses_recording(request.update.session):
            self._session.recorder.refuse()  # at once, whatever waits and whatever else is asked
        if self._finished and kind != "playback":
            raise InvalidRequest("nothing may follow finish, but for playback")
        match kind:
            case "audio":
                self._audio(request.audio.audio)
            case "playback":
                self._playback(request.playback)
            case "text" | "update" | "finish":
                self._in_order(request)
                self._finished = kind == "finish"
            case "config":
                raise InvalidRequest("config opens a conversation and may be sent only once; use update")
            case _:
                raise InvalidRequest("an empty request: expected audio, text, update, finish or playback")

    def _in_order(self, request: pb.ConverseRequest) -> None:
        """Perform a request, or put it behind what waits for the news."""
        if not self._waiting and self._options.is_prepared(request.update.session):
            self._perform(request)
        elif len(self._waiting) < _MOST_WAITING or request.HasField("finish"):
            self._waiting.append(request)
        else:
            raise InvalidRequest(
                f"{_MOST_WAITING} requests are waiting for an update: expected no more before it is done"
            )

    def _perform(self, request: pb.ConverseRequest) -> None:
        request_id = _id_of(request)
        match request.WhichOneof("request"):
            case "text":
                self._text(request.text, request_id)
            case "update":
                self._session.configure(
                    request.update.session, self._options.change(request.update.session), request_id
                )
                updated = pb.SessionUpdated(session=self._options.effective())
                self._session.send(pb.ConverseResponse(session_updated=updated), request_id)
            case "finish":
                self._session.tell(ev.FinishRequested(), request_id)

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


def _id_of(request: pb.ConverseRequest) -> str | None:
    return request.request_id if request.HasField("request_id") else None


def _refuses_recording(config: pb.SessionConfig) -> bool:
    return config.HasField("recording_consent") and not config.recording_consent


def _bytes_per_second(audio: AudioFormat) -> int:
    return audio.sample_rate_hertz * (_SAMPLE_BYTES if audio.encoding == AUDIO_ENCODING_LINEAR16 else 1)


class NoMicrophone(InvalidRequest):
    """Audio was sent into a conversation that is typed only."""

    default_reason = "NO_MICROPHONE"


class AudioTooLong(InvalidRequest):
    """More audio in one message than is taken."""

    default_reason = "AUDIO_TOO_LONG"
