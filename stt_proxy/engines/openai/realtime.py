"""The engine on servers with OpenAI's realtime transcription: a WebSocket for each stream, audio as it comes.

`…/v1/realtime?intent=transcription`, with the events of the published API: `session.update`,
`input_audio_buffer.append` and `.commit` go out, `conversation.item.input_audio_transcription.*` come back.
"""

import asyncio
import base64
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from ssl import SSLContext
from typing import Any, Final, Self
from urllib.parse import quote

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import LeaseMeter, Place
from mesh.errors import MeshError, UpstreamDown
from mesh.pool import Options
from mesh.tasks import beside
from mesh.times import loop_time
from openai_audio.refusals import refusal
from openai_audio.servers import AudioServers, opened
from stt_proxy.engine import Event
from stt_proxy.engines.openai.dictation import Dictation, Sent, error_of, server_event
from stt_proxy.recognition.detector import SpeechDetector

_PATH: Final = "/v1/realtime"
_CREATED: Final = frozenset({"session.created", "transcription_session.created"})
_LONGEST_MESSAGE: Final = 1 << 20
_SEND_LIMIT_S: Final = 5.0
_CLOSE_LIMIT_S: Final = 0.5
_LOOK_EVERY_S: Final = 0.5
_MOST_WAITING: Final = 1_000
"""Events that may wait to be taken."""


class RealtimeRecognizer:
    """A `Recognizer` for one stream. `answer_limit_s` is how long the server may owe an utterance's words."""

    def __init__(self, websocket: ClientConnection, dictation: Dictation, answer_limit_s: float) -> None:
        self._websocket = websocket
        self._dictation = dictation
        self._answer_limit_s = answer_limit_s
        self._events: deque[Event] = deque()
        self._progress = asyncio.Event()
        self._finished = False
        self._error: MeshError | None = None
        self._owed: object | None = None
        self._owed_since = 0.0

    @property
    def backlog_s(self) -> float:
        """Nothing: pauses are found here, at once, and words have no place before they come."""
        return 0.0

    async def send(self, pcm: bytes) -> None:
        """Give it the next samples; what is speech goes to the server."""
        for start in range(0, len(pcm), FRAME_BYTES):
            await self._room()
            await self._pass_on(self._dictation.feed(pcm[start : start + FRAME_BYTES]))

    async def flush(self, flush_id: int) -> None:
        """Ask for the words of everything sent so far."""
        await self._room()
        await self._pass_on(self._dictation.flush(flush_id))

    async def finish(self) -> None:
        """Ask for what is left, and for the end of the events."""
        await self._pass_on(self._dictation.finish())
        self._finished = True
        self._progress.set()

    def __aiter__(self) -> Self:
        """The stream's events."""
        return self

    async def __anext__(self) -> Event:
        """The stream's next event."""
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._finished and self._dictation.idle:
                raise StopAsyncIteration
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._next_progress()
            self._notice_silence()
        self._progress.set()
        return self._events.popleft()

    async def listen(self) -> None:
        """Take in what the server sends, until it is lost; to run beside the stream."""
        try:
            while True:
                self._add(self._dictation.take(server_event(await self._websocket.recv())))
        except ConnectionClosed as closed:
            error = UpstreamDown("the audio server has closed the stream")
            error.__cause__ = closed
            self._fail(error)
        except MeshError as failed:
            self._fail(failed)

    async def _pass_on(self, given: Iterable[Event | Sent]) -> None:
        for each in list(given):
            if isinstance(each, bytes):
                await self._tell({"type": "input_audio_buffer.append", "audio": base64.b64encode(each).decode()})
            elif isinstance(each, Event):
                self._add((each,))
            else:
                await self._tell({"type": "input_audio_buffer.commit"})

    async def _tell(self, event: dict[str, Any]) -> None:
        await tell(self._websocket, event)

    def _notice_silence(self) -> None:
        """Take for lost a server that owes words and sends none."""
        owed = self._dictation.owed
        if owed is not self._owed:
            self._owed, self._owed_since = owed, loop_time()
        if owed is not None and loop_time() - self._owed_since > self._answer_limit_s:
            self._fail(UpstreamDown("the audio server did not transcribe in time"))

    def _fail(self, error: MeshError) -> None:
        self._error = self._error or error
        self._progress.set()

    def _add(self, events: Iterable[Event]) -> None:
        self._events.extend(events)
        self._progress.set()

    async def _room(self) -> None:
        while self._dictation.behind or len(self._events) >= _MOST_WAITING:
            if self._error is not None:
                raise self._error
            await self._next_progress()

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()


async def tell(websocket: ClientConnection, event: dict[str, Any]) -> None:
    """Send an event. Raises `UpstreamDown`."""
    try:
        async with asyncio.timeout(_SEND_LIMIT_S):
            await websocket.send(msgspec.json.encode(event).decode())
    except TimeoutError:
        raise UpstreamDown(f"the audio server has read nothing for {_SEND_LIMIT_S:g} s") from None
    except ConnectionClosed as closed:
        raise UpstreamDown("the audio server has closed the stream") from closed


class RealtimeEngine:
    """A `RecognitionEngine`. No server says which languages its model knows, so any is passed on."""

    def __init__(
        self, servers: AudioServers, *, key: str, model: str, language: str, options: Options, flush_limit_s: float
    ) -> None:
        self._servers = servers
        self._key = key
        self._model = model
        self._language = language
        self._answer_limit_s = options.search_limit_s
        self.capacity = options.most_leases
        self.flush_limit_s = flush_limit_s

    @property
    def available(self) -> bool:
        """Whether any server answers."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[RealtimeRecognizer]:
        """A connection for one stream. Raises `AtCapacity`, `UpstreamDown`, `UpstreamMisconfigured`."""
        self._servers.check()
        session = _session(self._model, (language or self._language).partition("-")[0].lower())

        def connected(place: Place[ServerUrl]) -> AbstractAsyncContextManager[ClientConnection]:
            return _connected(place, self._model, self._key, self._servers.tls, session)

        async with self._servers.lease(connected) as websocket:
            recognizer = RealtimeRecognizer(websocket, Dictation(SpeechDetector()), self._answer_limit_s)
            async with beside(recognizer.listen()):
                yield recognizer


def _session(model: str, language: str) -> dict[str, Any]:
    transcription = {"model": model, **({"language": language} if language else {})}
    audio = {"format": {"type": "audio/pcm", "rate": SAMPLE_RATE}, "transcription": transcription}
    return {
        "type": "session.update",
        # Where a turn ends is decided here.
        "session": {"type": "transcription", "audio": {"input": {**audio, "turn_detection": None}}},
    }


@asynccontextmanager
async def _connected(
    place: Place[ServerUrl], model: str, key: str, tls: SSLContext | None, session: dict[str, Any]
) -> AsyncIterator[ClientConnection]:
    websocket = await _opened(place, model, key, tls)
    try:
        await _greeted(websocket)
        await tell(websocket, session)
        yield websocket
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_LIMIT_S):
                await websocket.close()
        websocket.transport.abort()


async def _opened(place: Place[ServerUrl], model: str, key: str, tls: SSLContext | None) -> ClientConnection:
    # Speaches takes the model from the address, OpenAI from the session.
    url = place.url.websocket(f"{_PATH}?intent=transcription&model={quote(model, safe='')}")
    host, port = place.host_port
    try:
        return await connect(
            url,
            host=host,
            port=port,
            ssl=tls,
            additional_headers={"authorization": f"Bearer {key}"} if key else None,
            compression=None,
            proxy=None,
            open_timeout=None,
            close_timeout=None,
            max_size=_LONGEST_MESSAGE,
        )
    except InvalidStatus as refused:
        response = refused.response
        raise refusal(response.status_code, response.headers, bytes(response.body or b""), secret=key) from refused
    except (OSError, EOFError, WebSocketException) as error:
        raise UpstreamDown("the audio server cannot be reached") from error


async def _greeted(websocket: ClientConnection) -> None:
    """Wait until the server says that the session is there."""
    try:
        while True:
            event = server_event(await websocket.recv())
            if event.type in _CREATED:
                return
            if event.type == "error":
                raise error_of(event)
    except ConnectionClosed as closed:
        raise UpstreamDown("the audio server has closed the stream") from closed


@asynccontextmanager
async def realtime_engine(
    urls: Sequence[ServerUrl],
    *,
    key: str,
    model: str,
    language: str,
    flush_limit_s: float,
    options: Options,
    meter: LeaseMeter,
    probed_every_s: float,
) -> AsyncIterator[RealtimeEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet. `options.most_leases` streams."""
    async with opened(urls, key=key, options=options, meter=meter, probed_every_s=probed_every_s) as servers:
        yield RealtimeEngine(
            servers, key=key, model=model, language=language, options=options, flush_limit_s=flush_limit_s
        )
