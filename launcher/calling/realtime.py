"""The transport of a browser: Ogg Opus inside JSON, over the edge's WebSocket, in Unmute's dialect."""

import asyncio
import base64
import binascii
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import msgspec
import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from edge.audio.opus import AudioBudget, OpusDecoder, OpusEncoder
from launcher.calling.audio import SAMPLE_RATE
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
    UserWord,
)
from launcher.failure import ExitCode, Failure
from mesh.text.masking import masked

PATH = "/v1/realtime"

_CONNECT_TIMEOUT_S = 10.0
_SEND_TIMEOUT_S = 10.0


class BadUrl(Failure):
    """What was given is no address of an edge."""

    exit_code = ExitCode.USAGE


class _Fault(msgspec.Struct):
    type: str
    message: str


class _ServerEvent(msgspec.Struct):
    """The fields that matter here, of whatever event; a new kind of event must not end a call."""

    type: str
    delta: Any = None
    error: _Fault | None = None


@asynccontextmanager
async def realtime_transport(url: str, *, voice: str | None = None) -> AsyncIterator["RealtimeTransport"]:
    """Connect to the edge at `url`, whose path defaults to the realtime one. Raises `CallFailed`, `BadUrl`."""
    try:
        socket = await connect(
            edge_endpoint(url),
            subprotocols=[Subprotocol("realtime")],
            compression=None,
            # A proxy from the environment is for the way out; a mesh is usually near.
            proxy=None,
            open_timeout=_CONNECT_TIMEOUT_S,
        )
    except (OSError, InvalidHandshake, InvalidURI, ValueError) as error:
        said = f"{masked(url)} cannot be reached: {error}. Is the mesh running? Start it with: parley up"
        raise CallFailed(said) from None
    try:
        transport = RealtimeTransport(socket)
        await transport.open(voice)
        yield transport
    finally:
        # However the call went, the caller hangs up in good order.
        await socket.close()


class RealtimeTransport:
    """One WebSocket; `realtime_transport` opens it."""

    # Browsers send one Ogg page of 40 ms at a time.
    frame_samples = SAMPLE_RATE * 40 // 1000

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._encoder = OpusEncoder()
        # The edge sends in real time, and is trusted.
        self._decoder = OpusDecoder(AudioBudget(burst_s=math.inf, rate=0.0))

    async def open(self, voice: str | None) -> None:
        """Open the session. Without instructions the mesh waits to be spoken to."""
        session = {"allow_recording": False} | ({"voice": voice} if voice else {})
        await self._send({"type": "session.update", "session": session})

    async def send(self, samples: Samples) -> None:
        """Send the next frame of the microphone."""
        # About half a millisecond of work, too little to be worth a thread.
        page = self._encoder.encode(samples.astype("<i2").tobytes())
        if page:
            await self._send({"type": "input_audio_buffer.append", "audio": base64.b64encode(page).decode()})

    async def events(self) -> AsyncIterator[Event]:
        """What the edge sends, until it closes the connection."""
        try:
            async for message in self._socket:
                event = self._event(msgspec.json.decode(message, type=_ServerEvent))
                if event is not None:
                    yield event
        except ConnectionClosed as closed:
            raise _lost(closed) from None
        except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
            raise CallFailed(f"the mesh sent what cannot be understood: {error}") from None

    async def _send(self, event: dict[str, object]) -> None:
        try:
            async with asyncio.timeout(_SEND_TIMEOUT_S):
                await self._socket.send(msgspec.json.encode(event).decode())
        except ConnectionClosed:
            # Who listens hears why, in the last words that came before.
            return

    def _event(self, event: _ServerEvent) -> Event | None:
        match event:
            case _ServerEvent(type="conversation.item.input_audio_transcription.delta", delta=str(word)):
                return UserWord(word)
            case _ServerEvent(type="input_audio_buffer.speech_started"):
                return UserSpeechStarted()
            case _ServerEvent(type="response.created"):
                return ReplyStarted()
            case _ServerEvent(type="response.text.delta", delta=str(word)):
                return ReplyWord(word)
            case _ServerEvent(type="response.audio.delta", delta=str(pages)):
                return ReplyAudio(self._decoded(pages))
            case _ServerEvent(type="response.audio.done"):
                return ReplyEnded(complete=True)
            case _ServerEvent(type="unmute.interrupted_by_vad"):
                return ReplyEnded(complete=False)
            case _ServerEvent(type="error", error=_Fault(type="warning", message=message)):
                return Notice(message)
            case _ServerEvent(type="error", error=_Fault(message=message)):
                raise CallFailed(message)
            case _:
                return None

    def _decoded(self, pages: str) -> Samples:
        pcm = b"".join(self._decoder.decode(base64.b64decode(pages, validate=True), now=0.0))
        return np.frombuffer(pcm, "<i2").astype(np.int16, copy=False)


def edge_endpoint(url: str) -> str:
    """The WebSocket at this address, whose path defaults to the realtime one. Raises `BadUrl`."""
    parts = urlsplit(url)
    if parts.scheme not in {"ws", "wss", "http", "https"} or not parts.hostname or not _is_port(parts):
        raise BadUrl(f"{masked(url)} is no address of an edge; expected something like ws://127.0.0.1:8000")
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urlunsplit(parts._replace(scheme=scheme, path=parts.path if parts.path not in {"", "/"} else PATH))


def _is_port(parts: SplitResult) -> bool:
    """Whether what stands where a port would is one, or nothing."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _lost(closed: ConnectionClosed) -> CallFailed:
    if closed.rcvd is None:
        return CallFailed("the connection to the mesh was lost")
    reason = f": {closed.rcvd.reason}" if closed.rcvd.reason else ""
    return CallFailed(f"the mesh closed the connection with code {closed.rcvd.code}{reason}")
