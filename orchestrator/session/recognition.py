"""The session's recogniser: one `Transcribe` stream, which is replaced when it is lost.

The recogniser is fed from a store of the last half minute of the microphone rather than from the wire. When it is lost,
the next one is sent the audio for which the first returned no certain words, from its last silence on. Positions are
samples since the session started.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple

import grpc
import structlog

from mesh.audio import FRAME_SAMPLES, SAMPLE_BYTES, SAMPLE_RATE
from mesh.discovery.search import Admission, Replicas, admitted
from mesh.errors import InvalidRequest, MeshError, UpstreamDown
from mesh.pool import Backoff
from mesh.process.silence import PeerSilence
from mesh.tasks import beside
from mesh.times import duration, loop_time, seconds
from orchestrator.conversation import Policy
from orchestrator.conversation import events as ev
from parley.stt.v1 import stt_pb2
from parley.stt.v1.stt_pb2 import TranscribeRequest, TranscribeResponse
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceStub

_PAUSE_THRESHOLD = Policy().pause_threshold

Transcription = Admission[TranscribeRequest, TranscribeResponse]

KEPT_SAMPLES = 30 * SAMPLE_RATE
"""Samples of the microphone that are kept."""


_LARGEST_SEND = 12 * FRAME_SAMPLES
"""Samples. When there is a backlog, after a loss, it goes out in pieces of about a second."""

_LONGEST_REPLAY = KEPT_SAMPLES - 5 * SAMPLE_RATE
"""Most samples that are recognised again after a loss: what is kept, less what arrives meanwhile."""

_FIRST_RETRY_S, _LONGEST_RETRY_S = 0.1, 5.0
"""The pauses between attempts to find another recogniser; they double from the first to the longest."""

_WORDS_LATE_S = 2.0
"""The longest time after its end that a recogniser reports a word which it was not asked to flush."""

_PRE_ROLL_S = 1.0
"""How long before the first speech that is not certain a replay begins. Speech is scored late, and decoded better with
the silence before it."""

_PAUSE_INTERVAL_S = 0.5
"""How often a pause that goes on is scored. What depends on it: `_mark_silence_certain`, `_STALL_S`, `_owes`."""

_UNANSWERED_S = 0.5
"""How often it is looked whether a recogniser that is to be given back has answered its last flush."""

_STALL_S, _STALL_ALONE_S = 2.0, 5.0
"""A recogniser is replaced when it returns nothing for this long although it has a second of audio to score, if another
replica serves, and if none does. A recogniser of this machine may only be busy."""

_DUE_S = 0.25
"""Audio that a recogniser may leave unscored while the person speaks, and beyond `_PAUSE_INTERVAL_S` while not."""

_LOOK_AGAIN_S = 0.25
"""How often it is looked whether the person is silent, so that a recogniser that stops can be left."""

_LONGEST_FLUSH_S = 10.0
"""The longest time to answer a flush that a recogniser may ask for."""

_LOST = "I cannot hear you just now; I am looking for another recogniser."

_log = structlog.get_logger()


class Language(NamedTuple):
    """The language of a session, as a BCP 47 tag; empty: the recogniser's own choice."""

    tag: str
    asked_for: bool
    """The client named it; otherwise it is the character's."""


class Microphone:
    """A bounded store of 16-bit PCM; the oldest is forgotten first."""

    def __init__(self, start: int = 0) -> None:
        self._pcm = bytearray()
        self.start = start
        """The first position that is still kept."""

    @property
    def end(self) -> int:
        """The position after the last sample."""
        return self.start + len(self._pcm) // SAMPLE_BYTES

    def write(self, pcm: bytes) -> None:
        """Append samples, forgetting what is older than `KEPT_SAMPLES`."""
        self._pcm += pcm
        excess = max(0, self.end - self.start - KEPT_SAMPLES)
        del self._pcm[: excess * SAMPLE_BYTES]
        self.start += excess

    def read(self, position: int, limit: int) -> bytes:
        """Return up to `limit` samples from `position` on; empty at the end. ValueError if they are forgotten."""
        if position < self.start:
            raise ValueError(f"position {position} is no longer kept: {self.start} is the first")
        offset = (position - self.start) * SAMPLE_BYTES
        return bytes(self._pcm[offset : offset + limit * SAMPLE_BYTES])


class RecognitionClient:
    """Feeds the person's microphone to a recogniser, and to another when that is lost.

    `notify` is given the core's events, with offsets from the session's first microphone sample. `warn` is given a
    reason and a message when recognition is lost. A recogniser that is sent nothing for `unused_limit_s` is given back;
    the next audio takes another.
    """

    def __init__(
        self,
        stt: Replicas,
        session_id: str,
        notify: Callable[[ev.Event], None],
        warn: Callable[[str, str], None],
        *,
        unused_limit_s: float,
        start: int = 0,
    ) -> None:
        """`start` is the position of the first sample that will be fed."""
        self._stt = stt
        self._session_id = session_id
        self._notify = notify
        self._warn = warn
        self._start = start
        self._microphone = Microphone(start)
        self._unanswered: deque[tuple[int, int]] = deque()
        """Flushes as (position, flush_id), in order."""
        self._changed = asyncio.Event()
        self._certain = start
        """The position up to which words are certain: where the next recogniser begins.

        Silence is as certain as words.
        """
        self._silent_from: int | None = None
        """Where the silence began that the present recogniser scores; None: it scores none."""
        self._has_partial = False
        """Whether the last partial had words, which are not certain yet."""
        self._sent = start
        """The position up to which the present recogniser was sent the microphone."""
        self._scored = start
        """The position up to which the present recogniser has scored the microphone."""
        self.acted_on = 0
        """The position up to which pause scores were passed on. Before it those of other recognisers decide nothing."""
        self._recognizer_silence = self._answer_silence = PeerSilence(lambda: False)
        """How long the recogniser has left a second of audio unscored, and anything that is due."""
        self._losses = 0
        """How many recognisers were lost before one has caught up."""
        self._retries = Backoff(_FIRST_RETRY_S, _LONGEST_RETRY_S)
        """The pauses before attempts to find another."""
        self._unused_limit_s = unused_limit_s
        self._fed_at = loop_time()
        self._fed = asyncio.Event()
        """Set by audio, cleared when a recogniser is given back."""
        self._language = self._recognized = Language("", asked_for=False)
        """The session's language, and that of the newest stream."""
        self._language_changed = asyncio.Event()

    def set_language(self, language: Language) -> None:
        """Recognise another language from here on. An open stream is replaced, for it cannot change its own."""
        if language.tag != self._language.tag:
            self._language_changed.set()
        self._language = language

    @asynccontextmanager
    async def open(self, position: int | None = None) -> AsyncIterator[Transcription]:
        """Open a stream whose first sample is at `position`. None: the first sample that will be fed.

        Raises `InvalidRequest` if the recogniser does not know the language that the client asked for. A language that
        only follows from the character is replaced by the recogniser's own.
        """
        self._language_changed.clear()
        position = self._start if position is None else position
        async with AsyncExitStack() as stream:
            try:
                transcription = await self._admitted(stream, position)
            except InvalidRequest as error:
                if self._language.asked_for or not self._language.tag:
                    raise
                _log.info("recogniser does not know the character's language", error=error.message)
                self._language = Language("", asked_for=False)
                transcription = await self._admitted(stream, position)
            self._recognized = self._language
            limit = transcription.started.started.flush_limit
            said = transcription.started.started.HasField("flush_limit")
            self._notify(ev.RecognizerChanged(min(seconds(limit), _LONGEST_FLUSH_S) if said else None))
            yield transcription

    async def _admitted(self, stream: AsyncExitStack, position: int) -> Transcription:
        config = stt_pb2.TranscribeConfig(
            base_offset=duration(position / SAMPLE_RATE),
            session_id=self._session_id,
            language=self._language.tag,
            pause_interval=duration(_PAUSE_INTERVAL_S),
        )
        return await stream.enter_async_context(admitted(self._stt, transcribe, TranscribeRequest(config=config)))

    def feed(self, pcm: bytes) -> None:
        """Take in the next samples of the microphone (16-bit PCM, 24 kHz)."""
        self._microphone.write(pcm)
        self._fed_at = loop_time()
        self._fed.set()
        self._changed.set()

    def flush(self, flush_id: int) -> None:
        """Ask for every word up to here."""
        self._unanswered.append((self._microphone.end, flush_id))
        self._changed.set()

    @property
    def certain(self) -> int:
        """The position up to which nothing is left to recognise."""
        return self._certain

    async def run(self, first: Transcription) -> None:
        """Recognise until cancelled: on the `first` stream, which begins with the first sample, and on others."""
        lost = await self._run_stream(first, self._start, self.acted_on)
        while True:
            if not lost:
                await self._fed.wait()
            elif not self._language_changed.is_set():
                await self._until_worth_a_try()
            position = max(self._certain, self._microphone.end - _LONGEST_REPLAY)
            try:
                async with self.open(position) as another:
                    _log.info("recogniser replaced", replica=another.replica)
                    lost = await self._run_stream(another, position, self._microphone.end if lost else position)
            except InvalidRequest as error:
                # Another recogniser may not know what the last one did.
                known = self._recognized != self._language
                self._language = self._recognized if known else Language("", asked_for=False)
                self._warn("LANGUAGE_UNKNOWN", f"{error.message}. I go on listening as before.")
            except MeshError as error:
                _log.warning("no recogniser", reason=error.reason, error=error.message)
                if not lost:
                    self._notify(ev.RecognizerLost())
                    self._warn("STT_LOST", _LOST)
                lost = True

    async def _until_worth_a_try(self) -> None:
        """Wait before another search: until there is news of the recognisers, at most for a growing pause."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._retries.pause()):
                await self._stt.finder.changed()

    async def _run_stream(self, transcription: Transcription, position: int, acted_on: int) -> bool:
        """Run one stream, which begins at `position`, until it is lost; False: until it was given back.

        The core has acted on the scores up to the position `acted_on`: before it only words are passed on.
        """
        replayed = acted_on / SAMPLE_RATE
        self._sent = self._scored = position
        self._recognizer_silence = PeerSilence(lambda: self._sent - self._scored >= SAMPLE_RATE)
        self._answer_silence = PeerSilence(self._owes)
        self._silent_from, self._has_partial = None, False
        try:
            notices = (
                self._notice_stall(),
                self._notice_hang(transcription.replica),
                self._notice_language(),
                self._notice_unused(),
                self._notice_stop(transcription.replica),
            )
            async with beside(self._send(transcription), *notices):
                async for response in transcription:
                    self._recognizer_silence.broken()
                    self._answer_silence.broken()
                    self._received(response, replayed)
                raise UpstreamDown("the recogniser has ended the stream")
        except (_LanguageChanged, _Stopping):
            # Its slot may be the one that the next stream needs.
            transcription.cancel()
            self._notify(ev.RecognizerLost())
        except MeshError as error:
            _log.warning("recogniser lost", reason=error.reason, error=error.message)
            transcription.cancel()
            self._losses += 1
            self._stt.note_loss(transcription.replica, error)
            self._notify(ev.RecognizerLost())
            self._warn("STT_LOST", _LOST)
        except _Unused:
            transcription.cancel()
            _log.info("recogniser given back: no audio comes", after_s=self._unused_limit_s)
            self._certain = self._microphone.end
            return False
        return True

    def _received(self, response: TranscribeResponse, replayed: float) -> None:
        match response.WhichOneof("event"):
            case "word":
                word = response.word
                start, end = seconds(word.start_offset), seconds(word.end_offset)
                self._certain = max(self._certain, round(end * SAMPLE_RATE))
                self._has_partial = False
                self._notify(ev.WordRecognized(word.text, start, end))
            case "partial":
                self._has_partial = bool(response.partial.text)
                self._notify(ev.PartialRecognized(response.partial.text))
            case "pause":
                offset = seconds(response.pause.offset)
                self._scored = round(offset * SAMPLE_RATE)
                self._mark_silence_certain(response.pause.pause_probability)
                if offset > replayed:
                    # It has scored past the replayed audio, which may be what the recogniser before it failed on.
                    self._retries.reset()
                    self._losses = 0
                    self.acted_on = self._scored
                    self._notify(ev.PauseScored(response.pause.pause_probability, offset))
            case "flushed":
                self._flushed(response.flushed.flush_id)

    def _mark_silence_certain(self, probability: float) -> None:
        """Count silence as recognised once every word before it must have come."""
        if probability <= _PAUSE_THRESHOLD or self._has_partial:
            self._silent_from = None
            return
        if self._silent_from is None:
            self._silent_from = self._scored
        if self._is_silent:
            self._certain = max(self._certain, self._scored - round(_PRE_ROLL_S * SAMPLE_RATE))

    def _flushed(self, flush_id: int) -> None:
        """Take in the answer to a flush. It also answers all flushes before it."""
        while self._unanswered and self._unanswered[0][1] <= flush_id:
            self._certain = max(self._certain, self._unanswered.popleft()[0])
        self._notify(ev.Flushed(flush_id))

    async def _send(self, transcription: Transcription) -> None:
        """Send the microphone on, each flush in its place."""
        flushed = 0
        while True:
            self._changed.clear()
            due = next((each for each in self._unanswered if each[1] > flushed), None)
            limit = _LARGEST_SEND if due is None else min(_LARGEST_SEND, due[0] - self._sent)
            if due and limit <= 0:
                flushed = due[1]
                await transcription.send(TranscribeRequest(flush=stt_pb2.Flush(flush_id=flushed)))
            elif self._sent < self._microphone.start:
                # Going on after the gap would leave every later offset wrong.
                raise UpstreamDown("the recogniser fell behind by more than is kept")
            elif pcm := self._microphone.read(self._sent, limit):
                self._sent += len(pcm) // SAMPLE_BYTES
                await transcription.send(TranscribeRequest(audio=stt_pb2.TranscribeAudio(audio=pcm)))
            else:
                await self._changed.wait()

    async def _notice_unused(self) -> None:
        """Raise `_Unused` when no audio has come for so long that nothing can be left to recognise."""
        while (left := self._unused_limit_s - (loop_time() - self._fed_at)) > 0 or self._unanswered:  # noqa: ASYNC110
            # An event for each frame would cost more.
            await asyncio.sleep(max(left, _UNANSWERED_S))
        self._fed.clear()
        raise _Unused

    async def _notice_language(self) -> None:
        """Raise `_LanguageChanged` when the stream's language is no longer the session's."""
        await self._language_changed.wait()
        raise _LanguageChanged

    async def _notice_stop(self, replica: str) -> None:
        """Raise `_Stopping` when the recogniser's process is about to stop, in a silence, if there is another one."""
        while not self._may_leave(replica):
            await self._stt.finder.changed()
        while not self._is_silent or not self._may_leave(replica):  # noqa: ASYNC110
            # An event for each score would cost more.
            await asyncio.sleep(_LOOK_AGAIN_S)
        _log.info("leaving a recogniser that stops", replica=replica)
        raise _Stopping

    def _may_leave(self, replica: str) -> bool:
        reachable = {each.address for each in self._stt.reachable}
        return bool(reachable) and replica not in reachable

    @property
    def _is_silent(self) -> bool:
        """Whether the person has said nothing for a while, and nothing is awaited."""
        if self._unanswered or self._silent_from is None:
            return False
        return self._scored - self._silent_from >= _WORDS_LATE_S * SAMPLE_RATE

    async def _notice_stall(self) -> None:
        """Raise `UpstreamDown` when the recogniser has stalled, even while `_send` waits for it to read."""
        await self._recognizer_silence.until(lambda: _STALL_S if self._stt.has_another else _STALL_ALONE_S)
        raise UpstreamDown("the recogniser has stalled")

    async def _notice_hang(self, replica: str) -> None:
        """Raise `UpstreamDown` when the recogniser's process hangs, or is cut off, if there is another one."""

        async def is_there(within_s: float) -> bool:
            return not self._stt.has_another or await self._stt.answers(replica, within=within_s)

        patience = 2.0**self._losses
        await self._answer_silence.until_hung(is_there, lambda: patience)
        raise UpstreamDown("the recogniser does not answer")

    def _owes(self) -> bool:
        """Whether a score is due from the recogniser, or the answer to a flush."""
        due_s = _DUE_S if self._silent_from is None else _PAUSE_INTERVAL_S + _DUE_S
        return bool(self._unanswered) or self._sent - self._scored >= due_s * SAMPLE_RATE


class _Unused(Exception):
    """No audio comes: somebody else may need the recogniser."""


class _Stopping(Exception):
    """The recogniser's process is about to stop."""


class _LanguageChanged(Exception):
    """The stream is to be replaced by one of another language."""


def transcribe(
    channel: grpc.aio.Channel,
) -> grpc.aio.StreamStreamMultiCallable[TranscribeRequest, TranscribeResponse]:
    """Return the method on one replica's channel."""
    return SpeechToTextServiceStub(channel).Transcribe
