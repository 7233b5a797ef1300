"""The synthesis of one reply: `Synthesize` streams that speak its text, one after the other or two at once.

A stream begins at a position of the reply, so that another one can go on where the first was lost. When the first sound
is late and there is another replica, a second stream is opened there, and the one that speaks first is kept.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass

import grpc
import structlog

from mesh.discovery.search import DIRECT, Admission, Limits, Replicas, admitted
from mesh.errors import AtCapacity, MeshError, MissingServiceAtCapacity, UpstreamDown
from mesh.process.silence import PeerSilence
from mesh.tasks import beside
from mesh.text.marks import unmarked
from mesh.text.writing import CLAUSE_MARKS, ends_sentence
from mesh.times import loop_time
from orchestrator.conversation.actions import PrepareReply
from orchestrator.session.synthesis_queue import SynthesisQueue
from parley.tts.v1 import tts_pb2
from parley.tts.v1.tts_pb2 import SynthesizeRequest, SynthesizeResponse
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub

Synthesis = Admission[SynthesizeRequest, SynthesizeResponse]

_WORDS_AHEAD = 1_024
"""Words the model may be ahead of the synthesis."""

_LONG_SEARCH = Limits(search=2.0, wait_for_serving=1.5)
"""After a search that found none: a synthesis that restarts is waited for."""

_HEDGE_AFTER_S = 1.0
"""How long the first sound of a clause may take before another replica is asked as well."""

_SILENT_S, _SILENT_ALONE_S = 1.5, 8.0
"""How long a synthesis that has spoken may send nothing although it has the whole text, if another replica serves, and
if none does. One that has been slower before may be silent for `_SLOWER` times as long as it was."""
_SLOWER = 3.0

_FIRST_SOUND_S = 15.0
"""How long the first sound of a clause may take."""

_TOLD_AFTER_S = 3.0
"""How long the first sound may take before the client is told."""

_CLAUSE_WORDS = 12
"""Words after which an engine has something to speak, whatever the marks are."""

_LAST_RESPONSES_S = 1.0
"""How long the responses that came before are still read when nothing more can be sent."""

_LOOK_AHEAD = 32
"""Written words that a synthesis may leave out before what it times counts as a word that was not written."""

_log = structlog.get_logger()


class WrittenText:
    """The words of one reply as the model writes them, for any number of readers."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.ended = False
        self.pause_at = 0
        """How many words were written because the model was late, before its own. They are spoken to their end at
        once: it is not known when the next will be written."""
        self._changed = asyncio.Event()
        self._read = 0
        self._taken = asyncio.Event()

    def add(self, word: str) -> None:
        """Append a word."""
        self.words.append(word)
        self._notify()

    async def until_read(self) -> None:
        """Wait while the readers are far behind."""
        while len(self.words) - self._read > _WORDS_AHEAD:
            self._taken.clear()
            await self._taken.wait()

    def end(self) -> None:
        """No more words come."""
        self.ended = True
        self._notify()

    async def read(self, index: int) -> str | None:
        """Return the word at `index` when there is one; None: the text has ended before it."""
        while index >= len(self.words):
            if self.ended:
                return None
            await self._changed.wait()
        if index >= self._read:
            self._read = index + 1
            self._taken.set()
        return self.words[index]

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class SpokenWords:
    """Finds the written words in those that a synthesis times, from the word at `start` on."""

    def __init__(self, written: list[str], start: int) -> None:
        self._written = written
        self.count = start
        """How many written words have been timed to their end."""
        self._part = ""
        """The letters of the next written word that were timed already."""

    def time(self, text: str) -> int:
        """Take in a timed word; return `count`."""
        letters = _letters(text)
        last = min(self.count + _LOOK_AHEAD, len(self._written))
        for at in range(self.count, last):
            word = self._written[at]
            whole = _letters(word)
            if not letters and not whole and unmarked(word.strip()) == unmarked(text):
                return self._timed(at + 1)
            if not whole:
                continue
            left = whole.removeprefix(self._part) if at == self.count else whole
            if letters == left:
                return self._timed(at + 1)
            if letters and self._is_next(at) and left.startswith(letters):
                self._part, self.count = whole[: len(whole) - len(left) + len(letters)], at
                return self.count
        return self.count

    def _timed(self, count: int) -> int:
        self.count, self._part = count, ""
        return count

    def _is_next(self, at: int) -> bool:
        """Whether only words without letters come before the word at `at`."""
        return not any(map(_letters, self._written[self.count : at]))


def _letters(word: str) -> str:
    return "".join(filter(str.isalnum, unmarked(word))).lower()


Received = Callable[[SynthesizeResponse, SpokenWords], Awaitable[bool]]
"""Takes the next response of a stream, with offsets from the stream's own first sample. False: no more is wanted."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the voice of a reply comes from, and whom it is for. `warn` is given a reason and a message."""

    tts: Replicas
    queue: SynthesisQueue
    session_id: str
    warn: Callable[[str, str], None]
    on_first_word: Callable[[float], None]
    """Called with the time at which a synthesis was ready, when it is given its first word."""


class ReplySynthesis:
    """Speaks the `text` of the reply that `order` describes."""

    def __init__(self, order: PrepareReply, text: WrittenText, sources: Sources) -> None:
        self._order = order
        self._text = text
        self._sources = sources
        self._warned: set[str] = set()
        self._search_limits = DIRECT
        self._losses = 0
        self._streams: dict[asyncio.Task[None], _Stream] = {}
        self._speaking: _Stream | None = None
        """The stream that spoke first."""

    async def speak(self, first_word: int, received: Received) -> None:
        """Speak the text from a word on, to its end, or to where it pauses. Raises `MeshError`."""
        self._speaking = None
        first = self._begin(first_word, received)
        late: asyncio.Task[None] | None = asyncio.create_task(self._until_late(first))
        try:
            while True:
                waiting = [*self._streams, *([late] if late else [])]
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if self._take_results():
                    return
                if late and late.done():
                    late = None
                    if self._speaking is None:
                        _log.info("a synthesis is late: another one is asked too", replica=first.replica)
                        self._begin(first_word, received, avoided=first.replica)
        finally:
            tasks = [*self._streams, *([late] if late else [])]
            self._streams.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, first_word: int, received: Received, avoided: str = "") -> "_Stream":
        stream = _Stream(SpokenWords(self._text.words, first_word))
        self._streams[asyncio.create_task(self._run(stream, received, avoided))] = stream
        return stream

    def _take_results(self) -> bool:
        """Whether a stream has spoken to the end. Raises the error of one that has failed, if no other is left."""
        for task in [each for each in self._streams if each.done()]:
            stream = self._streams.pop(task)
            if task.cancelled():
                continue
            error = task.exception()
            if error is None:
                if stream is self._speaking:
                    return True
                continue
            if isinstance(error, UpstreamDown) and stream.replica:
                self._losses += 1
                self._sources.tts.note_loss(stream.replica, error)
            if not self._streams or stream is self._speaking or not isinstance(error, MeshError):
                raise error
            _log.info("one of two syntheses failed", replica=stream.replica, error=str(error))
        return False

    async def _until_late(self, stream: "_Stream") -> None:
        """Wait until a stream has owed its first sound for so long that another replica is to be asked."""
        silence = PeerSilence(lambda: stream.owes_first_sound)
        await silence.until(lambda: _HEDGE_AFTER_S if self._sources.tts.has_another else float("inf"))

    # --- one stream -----------------------------------------------------------------------------------------------

    async def _run(self, stream: "_Stream", received: Received, avoided: str) -> None:
        async with self._opened(avoided) as synthesis:
            stream.replica = synthesis.replica
            async with beside(self._dictate(synthesis, stream), self._notice_silence(stream)):
                finished = False
                async for response in synthesis:
                    stream.silence.broken()
                    finished = response.HasField("finished")
                    if not self._speaks(stream):
                        return
                    stream.is_read = False
                    wanted = await received(response, stream.words)
                    stream.is_read = True
                    if not wanted:
                        return
        if not finished:
            raise UpstreamDown("the synthesis ended in the middle")

    def _speaks(self, stream: "_Stream") -> bool:
        """Whether this stream is the one that speaks, the first that has sent something. Others are ended."""
        stream.has_spoken = True
        if self._speaking is None:
            self._speaking = stream
            for task, other in self._streams.items():
                if other is not stream:
                    task.cancel()
        return self._speaking is stream

    async def _dictate(self, synthesis: Synthesis, stream: "_Stream") -> None:
        try:
            await self._send_words(synthesis, stream)
        except MeshError:
            await asyncio.sleep(_LAST_RESPONSES_S)  # Where the stream has ended, its last responses tell how.
            raise

    async def _send_words(self, synthesis: Synthesis, stream: "_Stream") -> None:
        index, ready_at = stream.words.count, loop_time()
        word = await self._text.read(index)
        self._sources.on_first_word(ready_at)
        while word is not None:
            # As it was written, line breaks included: the synthesis decides what is spoken of it.
            await synthesis.send(SynthesizeRequest(text=tts_pb2.SynthesizeText(text=word.removeprefix(" "))))
            index += 1
            stream.note_sent(word)
            word = None if index == self._text.pause_at else await self._text.read(index)
        await synthesis.send(SynthesizeRequest(finish=tts_pb2.SynthesizeFinish()))
        stream.finish_sent = True

    async def _notice_silence(self, stream: "_Stream") -> None:
        """Raise `UpstreamDown` when a stream that owes speech has sent nothing for too long."""

        def limit_s() -> float:
            if not stream.has_spoken:
                if stream.silence.seconds >= _TOLD_AFTER_S:
                    self._warn_once("TTS_SLOW", "I am waiting for my voice: the speech synthesis is slow.")
                return _FIRST_SOUND_S
            alone = not self._sources.tts.has_another
            # Doubled with each loss: where all are slow, starting again and again would bring nothing forward.
            longest = max(_SILENT_ALONE_S if alone else _SILENT_S, _SLOWER * stream.silence.longest)
            return longest * 2.0**self._losses

        await stream.silence.until(limit_s)
        raise UpstreamDown("the synthesis has stalled")

    # --- the search -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _opened(self, avoided: str) -> AsyncIterator[Synthesis]:
        """Find a synthesis. While every one is taken, wait in the queue.

        The synthesis itself replaces a voice that is not to be had (`voice_replaced`).
        """
        async with AsyncExitStack() as stack:
            stack.callback(self._sources.queue.freed)
            try:
                found = await self._found(stack, avoided)
            except UpstreamDown as error:
                # A first search may fail because this machine is busy: the client need not know.
                if self._search_limits is _LONG_SEARCH:
                    self._warn_once("TTS_NOT_FOUND", f"I am looking for my voice: {error.message}.")
                self._search_limits = _LONG_SEARCH
                raise
            started = found.started.started
            if started.HasField("voice_replaced"):
                self._warn_once(started.voice_replaced.reason, started.voice_replaced.message)
            yield found

    async def _found(self, stack: AsyncExitStack, avoided: str) -> Synthesis:
        """A synthesis, put on `stack`. Raises `AtCapacity` if all are taken for longer than the queue waits."""

        async def search() -> Synthesis:
            opened = admitted(
                self._sources.tts, _synthesize, self._config(), self._search_limits, avoided={avoided} - {""}
            )
            return await stack.enter_async_context(opened)

        queue = self._sources.queue
        if queue.is_empty:
            with suppress(AtCapacity):
                return await search()
        self._warn_once("TTS_NOT_FOUND", "I am waiting for my voice: every speech synthesis is taken.")
        try:
            async with asyncio.timeout(queue.limit_s), queue.turn(), aclosing(queue.pauses()) as pauses:
                async for _ in pauses:
                    with suppress(AtCapacity):
                        return await search()
        except TimeoutError:
            pass
        raise MissingServiceAtCapacity.of(self._sources.tts.service)

    def _config(self) -> SynthesizeRequest:
        config = tts_pb2.SynthesizeConfig(
            voice=self._order.voice,
            session_id=self._sources.session_id,
            reply_id=self._order.reply_id,
            replace_unknown_voice=True,
            longer_audio=True,
        )
        return SynthesizeRequest(config=config)

    def _warn_once(self, reason: str, message: str) -> None:
        if reason not in self._warned:
            self._warned.add(reason)
            self._sources.warn(reason, message)


class _Stream:
    """How far one `Synthesize` stream has come."""

    def __init__(self, words: SpokenWords) -> None:
        self.words = words
        self.replica = ""
        """Where it is; empty before it is admitted."""
        self.finish_sent = False
        self.has_spoken = False
        self.is_read = True
        """Whether its next response is waited for."""
        self.silence = PeerSilence(lambda: self.owes_first_sound or self._owes_the_rest)
        self._words_sent = 0
        self._clause_sent = False

    def note_sent(self, word: str) -> None:
        """Note that a word was sent."""
        self._words_sent += 1
        if ends_sentence(word) or word[-1] in CLAUSE_MARKS or self._words_sent >= _CLAUSE_WORDS:
            self._clause_sent = True

    @property
    def owes_first_sound(self) -> bool:
        """Whether it has something to speak, and has sent nothing."""
        return not self.has_spoken and (self._clause_sent or self.finish_sent)

    @property
    def _owes_the_rest(self) -> bool:
        return self.has_spoken and self.finish_sent and self.is_read


def _synthesize(
    channel: grpc.aio.Channel,
) -> grpc.aio.StreamStreamMultiCallable[SynthesizeRequest, SynthesizeResponse]:
    return TextToSpeechServiceStub(channel).Synthesize
