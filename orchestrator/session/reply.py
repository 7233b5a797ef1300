"""One reply in the making: the language model's words, and their synthesis."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.discovery.replicas import outcome_of
from mesh.discovery.search import Replicas
from mesh.errors import AtCapacity, MeshError
from mesh.pool import Backoff
from mesh.process.silence import PeerSilence
from mesh.tasks import beside
from mesh.text.marks import unmarked
from mesh.text.writing import ends_sentence
from mesh.times import loop_time, seconds
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import PrepareReply, ResumeText
from orchestrator.conversation.playout import Position
from orchestrator.llm.continuation import Continuation
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.llm.reply_limit import SENTENCE_S, ReplyLength
from orchestrator.llm.several import AnyLanguageModel
from orchestrator.llm.words import words_of
from orchestrator.metrics import Metrics
from orchestrator.prompts.texts import ModelApologies
from orchestrator.session.synthesis import ReplySynthesis, Sources, SpokenWords, WrittenText
from orchestrator.session.synthesis_queue import SynthesisQueue
from parley.tts.v1.tts_pb2 import SynthesizeResponse

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0
"""The pauses before another synthesis is opened, from the second loss on; they double."""

_AFTER_SENTENCE_S = 0.2
"""How much is heard after the last word of a reply that is too long: the end of its sound."""

_MAX_BUFFERED_BYTES = 60 * SAMPLE_RATE * SAMPLE_BYTES

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Upstreams:
    """What a reply is made with."""

    model: AnyLanguageModel
    tts: Replicas
    metrics: Metrics
    synthesis_queue: SynthesisQueue


class ReplyAudioBuffer:
    """The audio of one reply between its synthesis and its release: 16-bit PCM, 24 kHz, first in first out.

    It holds a minute; gRPC's flow control then stops the engine.
    """

    def __init__(self) -> None:
        self._start = 0
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
        self._start += samples
        self._update_room()
        return b"".join(taken)

    def cut(self, sample: int) -> None:
        """Drop what there is from the reply's `sample` on."""
        excess = self._bytes - max(0, sample - self._start) * SAMPLE_BYTES
        while excess > 0:
            chunk = self._chunks.pop()
            kept = chunk[: max(0, len(chunk) - excess)]
            if kept:
                self._chunks.append(kept)
            excess -= len(chunk) - len(kept)
            self._bytes -= len(chunk) - len(kept)
        self._update_room()

    def _update_room(self) -> None:
        if self._bytes < _MAX_BUFFERED_BYTES:
            self._room.set()
        else:
            self._room.clear()


class ReplyTask:
    """Makes one reply as `order` says.

    The synthesis is opened at once, while the model thinks: its connection costs no time. `notify` is given the core's
    events about the reply; audio is in `audio` before its event. `warn` is given a reason and a message when something
    fails. Of `apologies`, `waiting` is said when the model is late with its first word, and `unfinished` when it breaks
    off within a sentence: one that just stops sounds like a lost connection. `until_room` waits while the client has
    much to read.

    When the model or a synthesis is lost, the core decides how to go on, before `notify` returns: `resume_text`,
    `abandon_text` or `resume_synthesis`.
    """

    def __init__(
        self,
        order: PrepareReply,
        upstreams: Upstreams,
        session_id: str,
        notify: Callable[[ev.Event], None],
        warn: Callable[[str, str], None],
        *,
        apologies: ModelApologies,
        until_room: Callable[[], Awaitable[None]],
    ) -> None:
        self.audio = ReplyAudioBuffer()
        self._order = order
        self._upstreams = upstreams
        self._apologies = apologies
        self._notify = notify
        self._reply_id = order.reply_id
        self._warn_client = warn
        self._held_warnings: list[tuple[str, str]] | None = [] if order.speculative else None
        """What the client is not to know before the reply is confirmed. None: it knows of the reply."""
        self._text = WrittenText()
        sources = Sources(upstreams.tts, upstreams.synthesis_queue, session_id, self._warn, self._observe_wait)
        self._synthesis = ReplySynthesis(order, self._text, sources)
        self._first_word_at: float | None = None
        """When the model had written something to say."""
        self._observed_wait = False
        self._in_sentence = False
        """Whether what has been said so far does not end a sentence."""
        self._until_room = until_room
        self._awaits_model = False
        """Whether the model's next word is waited for."""
        self._model_silence = PeerSilence(lambda: self._awaits_model)
        self._text_has_ended = False
        self._limits = upstreams.model.reply_limits
        self._length = ReplyLength(*self._limits)
        self._began_at: float | None = None
        """When the model had written its first word."""
        self._told_limit = False
        self._resumed_text: ResumeText | None = None
        self._problem = ""
        """What was wrong with the language model."""
        self._resumed_at: Position | None = Position()
        """Where the next synthesis begins; None: there is to be none."""
        self._base_s = 0.0
        """Where the present synthesis began, in seconds of the reply."""
        self._received_samples = 0
        self._last_sample: int | None = None
        """Where its audio ends, because the reply is too long. None: where the synthesis ends it."""

    async def run(self) -> None:
        """Make the reply. Cancelling this cancels the model's request and the synthesis."""
        async with beside(self._explain_silence()):
            if not self._order.spoken:
                await self._write()
                return
            async with beside(self._write()):
                await self._speak()

    @property
    def words_shown(self) -> int:
        """How many words the model is shown for it."""
        return sum(len(message.text.split()) for message in self._order.messages)

    def confirm(self, reply_id: str) -> None:
        """Go on as a reply that the client knows of, under its id."""
        self._reply_id = reply_id
        warnings, self._held_warnings = self._held_warnings or [], None
        for reason, message in warnings:
            self._warn(reason, message)

    def _warn(self, reason: str, message: str) -> None:
        if self._held_warnings is None:
            self._warn_client(reason, message)
        else:
            self._held_warnings.append((reason, message))

    # --- the words ------------------------------------------------------------------------------------------------

    def resume_text(self, order: ResumeText) -> None:
        """Have the model write the rest."""
        self._resumed_text = order

    def abandon_text(self) -> None:
        """Have the text end with what there is, and the client told why."""
        self._warn("LLM_FAILED", f"I could not finish my thought: {self._problem}.")

    async def _explain_silence(self) -> None:
        """When the model is late with a word, warn the client; before the first, also ask the person to wait."""
        await self._model_silence.until(lambda: self._upstreams.model.slow_after_s)
        _log.warning("the language model is slow", reply_id=self._reply_id)
        self._warn("LLM_SLOW", "I am waiting for my thoughts: the language model is slow.")
        if self._order.spoken and self._order.beginning is None and not self._text.words:
            # Nothing may come between these words, so nothing is waited for.
            words = words_of(self._apologies.waiting)
            self._text.pause_at = len(words)
            for word in words:
                self._notify(ev.ReplyTextArrived(self._reply_id, word))
                self._text.add(word)

    @property
    def _has_answer(self) -> bool:
        """Whether the model has written anything to say."""
        return any(map(str.strip, self._text.words[self._text.pause_at :]))

    async def _write(self) -> None:
        """Report the words, and have them spoken."""
        resumed: ResumeText | None = None
        while True:
            try:
                await self._say_all(self._answer(resumed))
                break
            except MeshError as error:
                resumed = await self._fail_text(error)
            if resumed is None:
                break
        self._end_text()
        self._text.end()

    async def _say_all(self, text: AsyncGenerator[str, None]) -> None:
        async with aclosing(text) as words:
            async for word in words:
                if why := self._is_too_long(word):
                    self._tell_limit(why)
                    return
                await self._say(word)

    async def _fail_text(self, error: MeshError) -> ResumeText | None:
        """Report a failure of the model. Return how the rest is asked for; None, and an apology: not at all."""
        reply_id = self._reply_id
        _log.warning("language model failed", reply_id=reply_id, reason=error.reason, error=error.message)
        self._upstreams.metrics.llm_failures.inc()
        self._problem, self._resumed_text, self._awaits_model = error.message, None, False
        if not any(map(str.strip, self._text.words)):
            self.abandon_text()
        pause = error.retry_after if isinstance(error, LanguageModelFailed) else None
        self._notify(ev.ReplyTextFailed(reply_id, lasting=pause is None))
        if self._resumed_text is not None:
            await asyncio.sleep(pause or 0.0)
            return self._resumed_text
        if self._order.spoken and (self._in_sentence or (self._text.pause_at and not self._has_answer)):
            for word in words_of(f" {self._apologies.unfinished}"):
                await self._say(word)
        return None

    def _end_text(self) -> None:
        if not self._text_has_ended:
            self._text_has_ended = True
            self._notify(ev.ReplyTextCompleted(self._reply_id))

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
        _log.warning("reply ended early", reply_id=self._reply_id, why=why)
        self._warn("REPLY_TOO_LONG", f"I have ended this reply: {why}.")

    async def _say(self, word: str) -> None:
        if len(self._text.words) == self._text.pause_at > 0 and not word[0].isspace():
            word = f" {word}"
        bare = word.lstrip()
        self._notify(ev.ReplyTextArrived(self._reply_id, bare if bare == word else f" {bare}"))
        await asyncio.sleep(0)  # a model that writes all at once must not keep the others waiting
        await self._until_room()
        self._text.add(word)
        if self._order.spoken:
            if any(map(str.isalnum, bare)):
                self._first_word_at = self._first_word_at or loop_time()
                self._in_sentence = not ends_sentence(bare.rstrip("*_`~"))
            await self._text.until_read()

    async def _answer(self, resumed: ResumeText | None) -> AsyncGenerator[str, None]:
        """The words that are not written yet."""
        order = self._order
        if order.script is not None:
            for word in words_of(order.script):
                yield word
            return
        if order.beginning is not None and resumed is None:
            for word in words_of(order.beginning):
                yield word
        is_rest = self._has_answer or order.beginning is not None
        messages = resumed.messages if resumed is not None and is_rest else order.messages
        # A model that begins again is to be heard from where it was, also if that is in a reply before this one.
        before = self._text.words if order.beginning is None else list(words_of(messages[-1].text))
        continuation = Continuation(before if is_rest else [])
        answer = self._upstreams.model.words(
            messages, order.temperature, is_rest=is_rest, on_reasoning=self._model_silence.broken
        )
        with self._upstreams.metrics.llm_request(messages) as timing:
            async with aclosing(answer) as words:
                self._awaits_model = True
                async for word in words:
                    self._awaits_model = False  # what is done with the word is no silence of the model's
                    self._model_silence.broken()
                    timing.word()
                    for new in continuation.feed(word):
                        yield new
                    self._awaits_model = True
        self._awaits_model = False
        for word in continuation.finish():
            yield word

    # --- the voice ------------------------------------------------------------------------------------------------

    def resume_synthesis(self, at: Position) -> None:
        """Drop the audio after a position, and have another synthesis go on there."""
        self.audio.cut(at.sample)
        self._received_samples = at.sample
        self._resumed_at = at

    async def _speak(self) -> None:
        pauses = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        lost = 0
        while (at := self._resumed_at) is not None:
            self._resumed_at = None
            self._base_s = at.sample / SAMPLE_RATE
            if lost > 1:
                await asyncio.sleep(pauses.pause())
            try:
                await self._synthesis.speak(at.word, self._received)
            except MeshError as error:
                lost += 1
                reply_id = self._reply_id
                _log.warning("synthesis failed", reply_id=reply_id, reason=error.reason, error=error.message)
                lasting = isinstance(error, AtCapacity) or outcome_of(error) is None
                self._notify(ev.ReplyAudioFailed(reply_id, lasting=lasting))
            else:
                if at.word < self._text.pause_at:
                    self._resumed_at = Position(self._text.pause_at, self._received_samples)
                    continue
                if self._has_all_its_audio:
                    self._tell_limit(f"it takes longer than {self._limits.seconds:g} s")
                    self._end_text()
                self._notify(ev.ReplyAudioCompleted(self._reply_id))

    def _observe_wait(self, ready_at: float) -> None:
        """Measure, once, how long the first word has waited for a synthesis, which was ready at that time."""
        if self._first_word_at is not None and self._order.script is None and not self._observed_wait:
            self._observed_wait = True
            self._upstreams.metrics.first_word_wait.observe(max(0.0, ready_at - self._first_word_at))

    async def _received(self, response: SynthesizeResponse, words: SpokenWords) -> bool:
        """Take in a response of the synthesis; False: there is all the audio that there may be."""
        reply_id = self._reply_id
        match response.WhichOneof("event"):
            case "audio":
                pcm = response.audio.audio[: self._room_left() * SAMPLE_BYTES]
                self._received_samples += len(pcm) // SAMPLE_BYTES
                await self.audio.put(pcm)
                self._notify(ev.ReplyAudioArrived(reply_id, len(pcm) // SAMPLE_BYTES))
            case "word":
                word = response.word
                start, end = self._base_s + seconds(word.start_offset), self._base_s + seconds(word.end_offset)
                if self._last_sample is not None and start * SAMPLE_RATE >= self._last_sample:
                    return True
                # Of a word that is heard, no marks are shown: the person hears none.
                text = unmarked(word.text) or word.text
                self._notify(ev.ReplyWordTimed(reply_id, text, start, end, words.time(word.text)))
                if end >= self._limits.seconds and ends_sentence(text):
                    self._last_sample = self._last_sample or round((end + _AFTER_SENTENCE_S) * SAMPLE_RATE)
        return not self._has_all_its_audio

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
