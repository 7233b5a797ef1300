"""One reply in the making: the language model's words, and their synthesis."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
import structlog

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.discovery.search import Admission, Replicas, admitted
from mesh.errors import AtCapacity, MeshError, MissingServiceAtCapacity, UpstreamDown
from mesh.limits import WaitLimit
from mesh.tasks import beside
from mesh.text.marks import unmarked
from mesh.text.writing import ends_sentence
from mesh.times import loop_time, seconds
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import PrepareReply
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.reply_limit import SENTENCE_S, ReplyLength
from orchestrator.llm.words import words_of
from orchestrator.metrics import Metrics
from orchestrator.session.voice_queue import VoiceQueue
from parley.tts.v1 import tts_pb2
from parley.tts.v1.tts_pb2 import SynthesizeRequest, SynthesizeResponse
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub

Synthesis = Admission[SynthesizeRequest, SynthesizeResponse]

_SEARCH_PAUSES_S = (0.05, 0.075, 0.1125, 0.16875)
"""Between the five searches for a synthesis while none can be reached. One that restarts is back a moment later."""

_WORDS_AHEAD = 1_024
"""Words the model may be ahead of the synthesis."""

_STALL_LIMIT_S = 15.0
"""How long a synthesis may send nothing, in addition to the time the language model may take for its next words."""

_AFTER_SENTENCE_S = 0.2
"""How much is heard after the last word of a reply that is too long: the end of its sound."""

_MAX_BUFFERED_BYTES = 60 * SAMPLE_RATE * SAMPLE_BYTES

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Upstreams:
    """What a reply is made with."""

    model: LanguageModel
    tts: Replicas
    metrics: Metrics
    voices: VoiceQueue


class ReplyAudioBuffer:
    """The audio of one reply between its synthesis and its release: 16-bit PCM, 24 kHz, first in first out.

    It holds a minute; gRPC's flow control then stops the engine.
    """

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, pcm: bytes) -> None:
        """Wait until there is room, then append. What is appended counts whole, so the bound may be passed by one."""
        await self._room.wait()
        self._chunks.append(pcm)
        self._bytes += len(pcm)
        self._update_room()

    def take(self, samples: int) -> bytes:
        """Remove and return the next `samples`; ValueError if there are not that many."""
        wanted = samples * SAMPLE_BYTES
        if wanted > self._bytes:
            raise ValueError(f"{samples} samples were asked for, {self._bytes // SAMPLE_BYTES} are there")
        taken = []
        while wanted:
            chunk = self._chunks.popleft()
            if len(chunk) > wanted:
                self._chunks.appendleft(chunk[wanted:])
                chunk = chunk[:wanted]
            taken.append(chunk)
            wanted -= len(chunk)
            self._bytes -= len(chunk)
        self._update_room()
        return b"".join(taken)

    def _update_room(self) -> None:
        if self._bytes < _MAX_BUFFERED_BYTES:
            self._room.set()
        else:
            self._room.clear()


class ReplyTask:
    """Makes one reply as `order` says.

    The synthesis is opened at once, while the model thinks: its connection costs no time. `notify` is given the core's
    events about the reply; audio is in `audio` before its event. `warn` is given a reason and a message when something
    fails. `apology` is said when the model breaks off within a sentence: one that just stops sounds like a lost
    connection. `until_room` waits while the client has much to read.
    """

    def __init__(
        self,
        order: PrepareReply,
        upstreams: Upstreams,
        session_id: str,
        notify: Callable[[ev.Event], None],
        warn: Callable[[str, str], None],
        *,
        apology: str,
        until_room: Callable[[], Awaitable[None]],
    ) -> None:
        self.audio = ReplyAudioBuffer()
        self._order = order
        self._upstreams = upstreams
        self._session_id = session_id
        self._apology = apology
        self._notify = notify
        self._warn = warn
        self._words: asyncio.Queue[str | None] = asyncio.Queue(_WORDS_AHEAD)
        self._first_word_at: float | None = None
        """When the model had written something to say."""
        self._in_sentence = False
        """Whether what has been said so far does not end a sentence."""
        self._until_room = until_room
        self._text_has_ended = False
        self._limits = upstreams.model.reply_limits
        self._length = ReplyLength(*self._limits)
        self._began_at: float | None = None
        """When the model had written its first word."""
        self._told_limit = False
        self._received_samples = 0
        self._last_sample: int | None = None
        """Where its audio ends, because the reply is too long. None: where the synthesis ends it."""

    async def run(self) -> None:
        """Make the reply. Cancelling this cancels the model's request and the synthesis."""
        if not self._order.spoken:
            await self._write()
            return
        async with beside(self._write()):
            try:
                await self._speak()
            except MeshError as error:
                _log.warning(
                    "synthesis failed", reply_id=self._order.reply_id, reason=error.reason, error=error.message
                )
                self._warn("TTS_FAILED", "I have lost my voice for a moment.")
                self._notify(ev.ReplyAudioFailed(self._order.reply_id))

    # --- the words ------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Report and queue the words; None in the queue after the last."""
        reply_id = self._order.reply_id
        try:
            async with aclosing(self._text()) as words:
                async for word in words:
                    if why := self._is_too_long(word):
                        self._tell_limit(why)
                        break
                    await self._say(word)
        except MeshError as error:
            _log.warning("language model failed", reply_id=reply_id, reason=error.reason, error=error.message)
            self._upstreams.metrics.llm_failures.inc()
            self._warn("LLM_FAILED", f"I could not finish my thought: {error.message}.")
            if self._order.spoken and self._in_sentence:
                for word in words_of(f" {self._apology}"):
                    await self._say(word)
            self._text_has_ended = True
            self._notify(ev.ReplyTextFailed(reply_id))
        else:
            self._end_text()
        if self._order.spoken:
            await self._words.put(None)

    def _end_text(self) -> None:
        if not self._text_has_ended:
            self._text_has_ended = True
            self._notify(ev.ReplyTextCompleted(self._order.reply_id))

    def _is_too_long(self, word: str) -> str | None:
        if self._order.script is not None:
            return None
        self._began_at = self._began_at or loop_time()
        return self._length.refuses(word, loop_time() - self._began_at)

    def _tell_limit(self, why: str) -> None:
        """Say once that the reply was ended."""
        if self._told_limit:
            return
        self._told_limit = True
        _log.warning("reply ended early", reply_id=self._order.reply_id, why=why)
        self._warn("REPLY_TOO_LONG", f"I have ended this reply: {why}.")

    async def _say(self, word: str) -> None:
        bare = word.lstrip()
        self._notify(ev.ReplyTextArrived(self._order.reply_id, bare if bare == word else f" {bare}"))
        await asyncio.sleep(0)  # a model that writes all at once must not keep the others waiting
        await self._until_room()
        if self._order.spoken:
            # As it was written, line breaks included: the synthesis decides what is spoken of it.
            if any(map(str.isalnum, bare)):
                self._first_word_at = self._first_word_at or loop_time()
                self._in_sentence = not ends_sentence(bare.rstrip("*_`~"))
            await self._words.put(word.removeprefix(" "))

    async def _text(self) -> AsyncGenerator[str, None]:
        if self._order.script is not None:
            for word in words_of(self._order.script):
                yield word
            return
        answer = self._upstreams.model.words(self._order.messages, self._order.temperature)
        with self._upstreams.metrics.llm_request(self._order.messages) as timing:
            async with aclosing(answer) as words:
                async for word in words:
                    timing.word()
                    yield word

    # --- the voice ------------------------------------------------------------------------------------------------

    async def _speak(self) -> None:
        limit = WaitLimit(self._upstreams.model.longest_wait_s + _STALL_LIMIT_S)
        async with self._synthesis() as synthesis, beside(self._dictate(synthesis, ready_at=loop_time())):
            responses = aiter(synthesis)
            finished = False
            try:
                while not self._has_all_its_audio and (response := await _next(responses, limit)):
                    finished = response.HasField("finished")
                    await self._received(response)
            finally:
                limit.close()
        if self._has_all_its_audio:
            self._tell_limit(f"it takes longer than {self._limits.seconds:g} s")
            self._end_text()
        elif not finished:
            raise UpstreamDown("the synthesis ended in the middle")
        self._notify(ev.ReplyAudioCompleted(self._order.reply_id))

    async def _dictate(self, synthesis: Synthesis, ready_at: float) -> None:
        word = await self._words.get()
        if self._first_word_at is not None and self._order.script is None:
            self._upstreams.metrics.first_word_wait.observe(max(0.0, ready_at - self._first_word_at))
        while word is not None:
            await synthesis.send(SynthesizeRequest(text=tts_pb2.SynthesizeText(text=word)))
            word = await self._words.get()
        await synthesis.send(SynthesizeRequest(finish=tts_pb2.SynthesizeFinish()))

    async def _received(self, response: SynthesizeResponse) -> None:
        reply_id = self._order.reply_id
        match response.WhichOneof("event"):
            case "audio":
                pcm = response.audio.audio[: self._room_left() * SAMPLE_BYTES]
                self._received_samples += len(pcm) // SAMPLE_BYTES
                await self.audio.put(pcm)
                self._notify(ev.ReplyAudioArrived(reply_id, len(pcm) // SAMPLE_BYTES))
            case "word":
                word = response.word
                start, end = seconds(word.start_offset), seconds(word.end_offset)
                if self._last_sample is not None and start * SAMPLE_RATE >= self._last_sample:
                    return
                # Of a word that is heard, no marks are shown: the person hears none.
                text = unmarked(word.text) or word.text
                self._notify(ev.ReplyWordTimed(reply_id, text, start, end))
                if end >= self._limits.seconds and ends_sentence(text):
                    self._last_sample = self._last_sample or round((end + _AFTER_SENTENCE_S) * SAMPLE_RATE)

    def _room_left(self) -> int:
        """How many more samples the reply may have. A reply with a script has no limit."""
        if self._order.script is not None:
            return _MAX_BUFFERED_BYTES // SAMPLE_BYTES
        longest = round((self._limits.seconds + SENTENCE_S) * SAMPLE_RATE)
        last = longest if self._last_sample is None else min(self._last_sample, longest)
        return max(last - self._received_samples, 0)

    @property
    def _has_all_its_audio(self) -> bool:
        """Whether it has all the audio that it may have."""
        return self._room_left() == 0

    @asynccontextmanager
    async def _synthesis(self) -> AsyncIterator[Synthesis]:
        """Find a synthesis. While every one is taken, wait in the queue; while none can be reached, search again.

        The synthesis itself replaces a voice that is not to be had (`voice_replaced`).
        """
        pauses = iter(_SEARCH_PAUSES_S)
        async with AsyncExitStack() as stack:
            stack.callback(self._upstreams.voices.freed)
            while True:
                try:
                    found = await self._found(stack)
                    break
                except UpstreamDown as error:
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    self._warn("TTS_NOT_FOUND", f"I am looking for my voice: {error.message}.")
                    await asyncio.sleep(pause)
            started = found.started.started
            if started.HasField("voice_replaced"):
                self._warn(started.voice_replaced.reason, started.voice_replaced.message)
            yield found

    async def _found(self, stack: AsyncExitStack) -> Synthesis:
        """A synthesis, put on `stack`. Raises `AtCapacity` if all are taken for longer than the queue waits."""

        async def search() -> Synthesis:
            return await stack.enter_async_context(admitted(self._upstreams.tts, _synthesize, self._config()))

        queue = self._upstreams.voices
        if queue.is_empty:
            with suppress(AtCapacity):
                return await search()
        self._warn("TTS_NOT_FOUND", "I am waiting for my voice: every speech synthesis is taken.")
        try:
            async with asyncio.timeout(queue.limit_s), queue.turn(), aclosing(queue.pauses()) as pauses:
                async for _ in pauses:
                    with suppress(AtCapacity):
                        return await search()
        except TimeoutError:
            pass
        raise MissingServiceAtCapacity.of(self._upstreams.tts.service)

    def _config(self) -> SynthesizeRequest:
        config = tts_pb2.SynthesizeConfig(
            voice=self._order.voice,
            session_id=self._session_id,
            reply_id=self._order.reply_id,
            replace_unknown_voice=True,
            longer_audio=True,
        )
        return SynthesizeRequest(config=config)


async def _next(responses: AsyncIterator[SynthesizeResponse], limit: WaitLimit) -> SynthesizeResponse | None:
    """Return the next response, None at the end; raises `UpstreamDown` when it is later than the limit."""
    try:
        with limit:
            return await anext(responses, None)
    except TimeoutError:
        raise UpstreamDown("the synthesis has stalled") from None


def _synthesize(
    channel: grpc.aio.Channel,
) -> grpc.aio.StreamStreamMultiCallable[SynthesizeRequest, SynthesizeResponse]:
    return TextToSpeechServiceStub(channel).Synthesize
