"""The transport of an internal consumer such as a telephone bridge: raw audio, straight to `Converse`."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
from grpc.aio import Channel, StreamStreamMultiCallable

from launcher.calling.transport import (
    CallFailed,
    Event,
    Notice,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    ReplyWord,
    Samples,
    UserSpeechStarted,
    UserTurnDiscarded,
    UserWord,
)
from mesh.audio import FRAME_SAMPLES, Decoder, Encoder
from mesh.discovery.addresses import BadTarget
from mesh.discovery.search import SEARCHING_SERVICE, Admission, Replicas, admitted
from mesh.errors import MeshError, MissingServiceTimeout
from parley.audio.v1 import audio_pb2
from parley.conversation.v1 import conversation_pb2 as conversation
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

SERVICE = "orchestrator"

FORMATS = {
    "pcm8k": audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=8_000),
    "pcm16k": audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=16_000),
    "pcm24k": audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=24_000),
    "pcm48k": audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=48_000),
    "mulaw8k": audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW, sample_rate_hertz=8_000),
    "alaw8k": audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_ALAW, sample_rate_hertz=8_000),
}
"""What audio may travel as, by the names people type."""

DEFAULT_CHARACTER = conversation.Character(kind="smalltalk", language="en")
"""The character of a conversation that names none: the one that the page starts with."""


def session(*, voice: str | None, prompt: str | None) -> conversation.SessionConfig:
    """The session to ask for. `voice` is a `Voice.voice_id`; `prompt` is the whole prompt instead of a character."""
    if prompt is None:
        instructions = conversation.Instructions(character=DEFAULT_CHARACTER)
    else:
        instructions = conversation.Instructions(prompt=prompt)
    return conversation.SessionConfig(instructions=instructions, voice=voice)


@asynccontextmanager
async def converse_transport(target: str, config: conversation.ConverseConfig) -> AsyncIterator["ConverseTransport"]:
    """Connect to the orchestrator at `target`, opened with `config`. Raises `CallFailed`."""
    request = conversation.ConverseRequest(config=config)
    try:
        async with (
            Replicas(SERVICE, target) as replicas,
            admitted(replicas, _converse_method, request, SEARCHING_SERVICE) as stream,
        ):
            yield ConverseTransport(stream)
    except BadTarget as error:
        raise CallFailed(str(error)) from None
    except MissingServiceTimeout as error:
        if error.service != SERVICE:
            raise CallFailed(_explained(error)) from None
        raise CallFailed(
            f"no orchestrator can be reached at {target}. Is the mesh running? Start it with: parley up"
        ) from None
    except MeshError as error:
        raise CallFailed(_explained(error)) from None


class ConverseTransport:
    """One `Converse` stream; `converse_transport` opens it."""

    frame_samples = FRAME_SAMPLES

    def __init__(self, stream: Admission[conversation.ConverseRequest, conversation.ConverseResponse]) -> None:
        started = stream.started.started
        self._stream = stream
        self._encoder = Encoder(started.input_format)
        self._decoder = Decoder(started.output_format)
        self._spoken = started.session.reply_modality == conversation.REPLY_MODALITY_SPEECH

    async def send(self, samples: Samples) -> None:
        """Send the next frame of the microphone."""
        audio = self._encoder.encode(samples.tobytes())
        await self._send(conversation.ConverseRequest(audio=conversation.UserAudio(audio=audio)))

    async def type(self, text: str) -> None:
        """Send a typed turn."""
        await self._send(conversation.ConverseRequest(text=conversation.UserText(text=text)))

    async def finish(self) -> None:
        """End the conversation once the current reply has been heard."""
        await self._send(conversation.ConverseRequest(finish=conversation.ConverseFinish()))

    async def events(self) -> AsyncGenerator[Event, None]:
        """What the orchestrator sends, until it ends the conversation."""
        async for response in self._stream:
            event = self._event(response)
            if event is not None:
                yield event

    async def _send(self, request: conversation.ConverseRequest) -> None:
        try:
            await self._stream.send(request)
        except MeshError as error:
            raise CallFailed(_explained(error)) from None

    def _event(self, response: conversation.ConverseResponse) -> Event | None:
        match response.WhichOneof("event"):
            case "user_speech_started":
                return UserSpeechStarted()
            case "user_word_recognized":
                return UserWord(response.user_word_recognized.text)
            case "user_turn_discarded":
                return UserTurnDiscarded()
            case "reply_created":
                return ReplyStarted()
            case "reply_text_delta" if not self._spoken:
                return ReplyWord(response.reply_text_delta.text)
            case "reply_word_spoken":
                return ReplyWord(response.reply_word_spoken.text)
            case "reply_audio":
                pcm = self._decoder.decode(response.reply_audio.audio)
                return ReplyAudio(np.frombuffer(pcm, dtype="<i2").astype(np.int16))
            case "reply_finished":
                return ReplyEnded(complete=True)
            case "reply_cancelled":
                return _cancelled(response.reply_cancelled)
            case "warning":
                return Notice(response.warning.message)
            case "request_rejected":
                raise CallFailed(f"the mesh rejected a request: {response.request_rejected.message}")
            case _:
                return None


def _converse_method(
    channel: Channel,
) -> "StreamStreamMultiCallable[conversation.ConverseRequest, conversation.ConverseResponse]":
    return ConversationServiceStub(channel).Converse


def _cancelled(event: conversation.ReplyCancelled) -> Event:
    if event.cause == conversation.CANCEL_CAUSE_FAILED:
        raise CallFailed("the reply failed; the logs of the mesh tell why")
    return ReplyEnded(complete=False)


def _explained(error: MeshError) -> str:
    if error.retry_after is not None:
        return f"{error}; try again in {error.retry_after:g} s"
    return str(error)
