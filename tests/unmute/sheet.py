"""What a server may say on `/v1/realtime`: a closed list, with every field of the protocol's description.

A field that is not listed is ignored, as real clients do; one that is listed must be there, also where it is null, and
of its type. A `type` that is not listed ends the real load-test client, so it is an error here.
"""

from typing import Annotated, Any, Literal

import msgspec

EventId = Annotated[str, msgspec.Meta(pattern=r"\Aevent_[0-9A-Za-z]{21}\Z")]
Language = Literal["en", "fr", "en/fr", "fr/en"]
Seconds = Annotated[float, msgspec.Meta(ge=0)]


class NotOnTheSheet(Exception):
    """A message that the list does not have, or not like this."""


class _Instructions(msgspec.Struct, tag_field="type"):
    pass


class Constant(_Instructions, tag="constant"):
    """A prompt of the client's own, or the house's where it gave none."""

    text: str
    language: Language | None


class SmallTalk(_Instructions, tag="smalltalk"):
    """One of the characters; the others have the same fields."""

    language: Language | None


class GuessAnimal(_Instructions, tag="guess_animal"):
    language: Language | None


class QuizShow(_Instructions, tag="quiz_show"):
    language: Language | None


class News(_Instructions, tag="news"):
    language: Language | None


class Explanation(_Instructions, tag="unmute_explanation"):
    pass


Instructions = Constant | SmallTalk | GuessAnimal | QuizShow | News | Explanation


class Session(msgspec.Struct):
    """A session's settings, with the defaults filled in."""

    instructions: Instructions | None
    voice: str | None
    allow_recording: bool


class Message(msgspec.Struct):
    """An entry of the history. The system prompt is none of the client's business."""

    role: Literal["user", "assistant"]
    content: str


class Response(msgspec.Struct):
    """A reply that begins."""

    object: Literal["realtime.response"]
    status: Literal["in_progress"]
    voice: str
    chat_history: list[Message]


class Outputs(msgspec.Struct):
    """What the page shows when it debugs, and the load test lives on."""

    chat_history: list[Message]
    debug_dict: dict[str, Any]
    debug_plot_data: Annotated[list[Any], msgspec.Meta(max_length=0)]


class Fault(msgspec.Struct):
    """What went wrong."""

    type: Literal["invalid_request_error", "warning", "fatal"]
    code: None
    message: Annotated[str, msgspec.Meta(min_length=1)]
    param: None
    details: Any


class ServerEvent(msgspec.Struct, kw_only=True, tag_field="type"):
    """What every event has."""

    event_id: EventId


class SessionUpdated(ServerEvent, tag="session.updated"):
    session: Session


class ResponseCreated(ServerEvent, tag="response.created"):
    response: Response


class TextReady(ServerEvent, tag="unmute.response.text.delta.ready"):
    """A word of the language model, with the space before it."""

    delta: str


class TextDone(ServerEvent, tag="response.text.done"):
    text: str


class TextDelta(ServerEvent, tag="response.text.delta"):
    """A word as it is spoken."""

    delta: str


class AudioDelta(ServerEvent, tag="response.audio.delta"):
    """Ogg pages, in base64."""

    delta: bytes


class AudioDone(ServerEvent, tag="response.audio.done"):
    pass


class Transcribed(ServerEvent, tag="conversation.item.input_audio_transcription.delta"):
    """A word of the person."""

    delta: str
    start_time: Seconds


class SpeechStarted(ServerEvent, tag="input_audio_buffer.speech_started"):
    pass


class SpeechStopped(ServerEvent, tag="input_audio_buffer.speech_stopped"):
    pass


class Interrupted(ServerEvent, tag="unmute.interrupted_by_vad"):
    pass


class AdditionalOutputs(ServerEvent, tag="unmute.additional_outputs"):
    args: Outputs


class ErrorEvent(ServerEvent, tag="error"):
    error: Fault


Event = (
    SessionUpdated
    | ResponseCreated
    | TextReady
    | TextDone
    | TextDelta
    | AudioDelta
    | AudioDone
    | Transcribed
    | SpeechStarted
    | SpeechStopped
    | Interrupted
    | AdditionalOutputs
    | ErrorEvent
)

_DECODER: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def read(message: str | bytes) -> Event:
    """Return a server's message. Raises `NotOnTheSheet`."""
    if isinstance(message, bytes):
        raise NotOnTheSheet(f"a binary frame of {len(message)} bytes")
    try:
        return _DECODER.decode(message)
    except msgspec.DecodeError as error:
        raise NotOnTheSheet(f"{error}: {message[:300]}") from None


def name(event: Event) -> str:
    """The event's `type`."""
    return str(type(event).__struct_config__.tag)


class _Closed(msgspec.Struct, forbid_unknown_fields=True):
    pass


class FileSource(_Closed, tag_field="source_type", tag="file"):
    """A voice from a file."""

    path_on_server: str
    description: str | None
    description_link: str | None
    # Parley's own; Unmute refuses further keys in an entry only, not in its source.
    engine: str | None = None
    language: str | None = None


class SoundInstance(_Closed):
    """One of Freesound's recordings."""

    id: int
    name: str
    username: str
    license: str


class FreesoundSource(_Closed, tag_field="source_type", tag="freesound"):
    """A voice from Freesound."""

    url: str
    start_time: float | None
    sound_instance: SoundInstance | None
    path_on_server: str
    engine: str | None = None
    language: str | None = None


class Voice(_Closed):
    """An entry of `GET /v1/voices`, where a key too many ends the load test."""

    name: str
    good: Literal[True]
    instructions: dict[str, Any] | None
    source: FileSource | FreesoundSource


def read_voices(body: bytes) -> list[Voice]:
    """Return the list of voices. Raises `NotOnTheSheet`."""
    try:
        voices: list[Voice] = msgspec.json.decode(body, type=Annotated[list[Voice], msgspec.Meta(min_length=1)])
    except msgspec.DecodeError as error:
        raise NotOnTheSheet(f"voices: {error}") from None
    return voices
