"""One reply in the making: the language model's words, and their synthesis."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass

import grpc
import structlog

from mesh.discovery.search import Admission, Replicas, admitted
from mesh.errors import AtCapacity, MeshError, UpstreamDown, VoiceNotFound
from mesh.tasks import beside
from mesh.times import seconds
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import PrepareReply
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.words import Reading, words_of
from orchestrator.metrics import Metrics
from orchestrator.session.reply_audio import Speech
from parley.tts.v1 import tts_pb2
from parley.tts.v1.tts_pb2 import SynthesizeRequest, SynthesizeResponse
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub

Synthesis = Admission[SynthesizeRequest, SynthesizeResponse]

_SEARCH_PAUSES_S = (0.05, 0.075, 0.1125, 0.16875)
"""Between the five searches for a synthesis. A slot is often free a moment later: another reply has just ended."""

_WORDS_AHEAD = 1_024
"""Words the model may be ahead of the synthesis."""

_STALL_LIMIT_S = 15.0
"""How long a synthesis may say nothing, besides what the language model may keep it waiting for words."""

_SAMPLE_BYTES = 2

_BROKEN_OFF = "Sorry, I have lost the thread."
"""What is said when the model breaks off within a sentence: one that just stops sounds like a broken line."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Upstreams:
    """What a reply is made with."""

    model: LanguageModel
    tts: Replicas
    metrics: Metrics


class Speaker:
    """Makes one reply, and tells the core's events about it.

    The synthesis is opened at once, while the model thinks: its connection costs no time. `speech` receives the audio
    before the core is told of it. `warn` is given a reason and a message when something fails.
    """

    def __init__(
        self,
        order: PrepareReply,
        upstreams: Upstreams,
        session_id: str,
        tell: Callable[[ev.Event], None],
        warn: Callable[[str, str], None],
    ) -> None:
        self.speech = Speech()
        self._order = order
        self._upstreams = upstreams
        self._session_id = session_id
        self._tell = tell
        self._warn = warn
        self._words: asyncio.Queue[str | None] = asyncio.Queue(_WORDS_AHEAD)
        self._reading = Reading()
        self._first_word_at: float | None = None
        """When the model had written something to say."""
        self._in_sentence = False
        """Whether what has been said so far does not end a sentence."""

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
                self._tell(ev.ReplySpeechFailed(self._order.reply_id))

    # --- the words ------------------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """Tell and queue the words; None in the queue after the last."""
        reply_id = self._order.reply_id
        try:
            async with aclosing(self._text()) as words:
                async for word in words:
                    await self._say(word)
        except MeshError as error:
            _log.warning("language model failed", reply_id=reply_id, reason=error.reason, error=error.message)
            self._upstreams.metrics.llm_failures.inc()
            self._warn("LLM_FAILED", f"I could not finish my thought: {error.message}.")
            if self._order.spoken and self._in_sentence:
                for word in words_of(f" {_BROKEN_OFF}"):
                    await self._say(word)
            self._tell(ev.ReplyTextFailed(reply_id))
        else:
            self._tell(ev.ReplyTextCompleted(reply_id))
        if self._order.spoken:
            await self._words.put(None)

    async def _say(self, word: str) -> None:
        self._tell(ev.ReplyTextArrived(self._order.reply_id, word))
        await asyncio.sleep(0)  # a model that writes all at once must not keep the others waiting
        if self._order.spoken and (spoken := self._reading.pronounceable(word)):
            self._first_word_at = self._first_word_at or _now()
            self._in_sentence = not _ends_sentence(spoken)
            await self._words.put(spoken)

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
        limit = self._upstreams.model.patience_s + _STALL_LIMIT_S
        async with self._synthesis() as synthesis, beside(self._dictate(synthesis, ready_at=_now())):
            responses = aiter(synthesis)
            finished = False
            while response := await _next(responses, limit):
                finished = response.HasField("finished")
                await self._received(response)
        if not finished:
            raise UpstreamDown("the synthesis ended in the middle")
        self._tell(ev.ReplySynthesized(self._order.reply_id))

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
                await self.speech.put(response.audio.audio)
                self._tell(ev.ReplyAudioArrived(reply_id, len(response.audio.audio) // _SAMPLE_BYTES))
            case "word":
                word = response.word
                start, end = seconds(word.start_offset), seconds(word.end_offset)
                self._tell(ev.ReplyWordTimed(reply_id, word.text, start, end))

    @asynccontextmanager
    async def _synthesis(self) -> AsyncIterator[Synthesis]:
        """Find a synthesis, patiently; a voice nobody knows is replaced by the engine's own."""
        voice = self._order.voice
        pauses = iter(_SEARCH_PAUSES_S)
        async with AsyncExitStack() as stack:
            while True:
                try:
                    found = await stack.enter_async_context(
                        admitted(self._upstreams.tts, _synthesize, self._config(voice))
                    )
                    break
                except VoiceNotFound:
                    if not voice:
                        raise
                    self._warn("VOICE_NOT_FOUND", f"There is no voice {voice!r}; I am using another.")
                    voice = ""
                except (AtCapacity, UpstreamDown) as error:
                    pause = next(pauses, None)
                    if pause is None:
                        raise
                    self._warn("TTS_NOT_FOUND", f"I am looking for my voice: {error.message}.")
                    await asyncio.sleep(pause)
            started = found.started.started
            if started.HasField("voice_replaced"):
                self._warn(started.voice_replaced.reason, started.voice_replaced.message)
            yield found

    def _config(self, voice: str) -> SynthesizeRequest:
        config = tts_pb2.SynthesizeConfig(voice=voice, session_id=self._session_id, reply_id=self._order.reply_id)
        return SynthesizeRequest(config=config)


async def _next(responses: AsyncIterator[SynthesizeResponse], limit: float) -> SynthesizeResponse | None:
    """Return the next response, None at the end; raises `UpstreamDown` after `limit` seconds."""
    try:
        async with asyncio.timeout(limit):
            return await anext(responses, None)
    except TimeoutError:
        raise UpstreamDown("the synthesis has stalled") from None


def _ends_sentence(word: str) -> bool:
    return word.rstrip("\"')»").endswith((".", "!", "?", "。", "！", "？")) and not word.endswith("...")  # noqa: RUF001 - as written in the East


def _now() -> float:
    return asyncio.get_running_loop().time()


def _synthesize(
    channel: grpc.aio.Channel,
) -> grpc.aio.StreamStreamMultiCallable[SynthesizeRequest, SynthesizeResponse]:
    return TextToSpeechServiceStub(channel).Synthesize
