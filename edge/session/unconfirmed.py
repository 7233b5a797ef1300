"""What a client and its orchestrator have told each other since the last checkpoint: what a resumption needs.

It does no I/O. Positions are samples of the client's microphone, in its own format.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.times import duration, seconds
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AudioFormat
from parley.conversation.v1.conversation_pb2 import (
    Checkpoint,
    ConverseRequest,
    ConverseResponse,
    ReplyAudio,
    ReplySoFar,
    Resume,
    UserAudio,
    UserWordRecognized,
)

KEPT_S = 15.0
"""Seconds of microphone that are kept. Words are certain long before."""

_MOST_REQUESTS = 256
"""Requests that are kept, without audio. The service answers each at once, mostly with a checkpoint."""


@dataclass(slots=True)
class _Kept:
    """A request that may have to be sent again."""

    order: int
    """How many requests there were before it."""
    request: ConverseRequest
    end: int = 0
    """Audio: the position after it."""
    number: int = 0
    """Other: which one it is on the present stream. 0: it was not sent on it."""


class SentRequests:
    """What a client has sent, as far as an orchestrator may have to be sent it again."""

    def __init__(self, microphone: AudioFormat, start: float = 0.0) -> None:
        """`start` is where the microphone begins, in seconds of the session."""
        self._rate = microphone.sample_rate_hertz or SAMPLE_RATE
        self._sample_bytes = sample_bytes(microphone)
        self._most_audio = round(KEPT_S * self._rate)
        self._position = round(start * self._rate)
        self._audio: deque[_Kept] = deque()
        self._others: deque[_Kept] = deque()
        self._frozen = False
        self._orders = 0
        self._numbers = 0
        """How many requests that are not audio were sent on the present stream."""
        self._next = 0
        """The order of the first request that was not sent on the present stream."""

    def add(self, request: ConverseRequest) -> None:
        """Take in a request that is to be sent."""
        if request.HasField("audio"):
            self._position += len(request.audio.audio) // self._sample_bytes
            self._audio.append(_Kept(self._orders, request, end=self._position))
            self._forget_audio(self._position - self._most_audio)
        else:
            self._others.append(_Kept(self._orders, request))
            if len(self._others) > _MOST_REQUESTS:
                self._others.popleft()
        self._orders += 1

    def take_unsent(self) -> list[ConverseRequest]:
        """Return what the present stream has yet to be sent, in order. It counts as sent from now on."""
        waiting = [*_since(self._audio, self._next), *_since(self._others, self._next)]
        self._next = self._orders
        waiting.sort(key=lambda kept: kept.order)
        for kept in waiting:
            if not kept.end:
                self._numbers += 1
                kept.number = self._numbers
        return [kept.request for kept in waiting]

    def confirm(self, checkpoint: Checkpoint) -> None:
        """Forget what the checkpoint includes."""
        self.confirm_audio(seconds(checkpoint.audio_offset))
        while self._others and 0 < self._others[0].number <= checkpoint.requests:
            self._others.popleft()

    def confirm_audio(self, offset: float) -> None:
        """Forget the microphone before `offset` seconds: every word in it is certain."""
        self._forget_audio(round(offset * self._rate))

    def freeze(self) -> float:
        """Forget nothing until `thaw`. Returns where the audio begins that is kept, in seconds."""
        self._frozen = True
        return self.certain

    @property
    def certain(self) -> float:
        """Where the audio begins that is kept, in seconds: what was said before it is known."""
        return (self._start(self._audio[0]) if self._audio else self._position) / self._rate

    def thaw(self) -> None:
        """Keep no more than is needed, again."""
        self._frozen = False

    def restart(self) -> None:
        """Begin on another stream, which has to be sent all that is kept."""
        self._numbers = self._next = 0
        for kept in self._others:
            kept.number = 0

    def _start(self, kept: _Kept) -> int:
        return kept.end - len(kept.request.audio.audio) // self._sample_bytes

    def _forget_audio(self, before: int) -> None:
        if self._frozen:
            return
        audio = self._audio
        while audio and audio[0].end <= before:
            audio.popleft()
        if audio and (start := self._start(audio[0])) < before:
            rest = audio[0].request.audio.audio[(before - start) * self._sample_bytes :]
            audio[0].request = ConverseRequest(audio=UserAudio(audio=rest))


def _since(kept: deque[_Kept], order: int) -> Iterator[_Kept]:
    """Those from `order` on, the last first."""
    return takewhile(lambda each: each.order >= order, reversed(kept))


class SeenEvents:
    """What a client was told of the turn and of the reply that are not over."""

    def __init__(self) -> None:
        self.checkpoint: Checkpoint | None = None
        """The last one."""
        self.ended = False
        self._item_id: str | None = None
        self._is_turn_over = False
        """The turn has ended, as a checkpoint has yet to confirm."""
        self._ended_item_id: str | None = None
        """The item of the turn that ended last."""
        self._words: list[UserWordRecognized] = []
        """The words of the turn since the last checkpoint."""
        self._is_answer_due = False
        self._reply_id: str | None = None
        self._outcome: str | None = None
        """What was heard of the reply if it is over, as a checkpoint has yet to confirm."""
        self._text: list[str] = []
        self._spoken: list[tuple[str, float]] = []
        """Words of the reply, and where each ends."""
        self._last_audio: tuple[float, int] | None = None
        """Where the last audio of the reply begins, and its bytes."""
        self._held_at: float | None = None

    @property
    def is_pause(self) -> bool:
        """Whether neither side has anything in progress."""
        return self._item_id is None and self._reply_id is None and not self._is_answer_due

    def repeats(self, response: ConverseResponse) -> bool:
        """Whether the client was told this before a loss that came between the event and its checkpoint."""
        match response.WhichOneof("event"):
            case "user_turn_restored":
                return self.checkpoint is not None  # It was told everything, by this edge.
            case "user_turn_ended":
                return response.user_turn_ended.item_id == self._ended_item_id
            case "reply_created":
                return response.reply_created.reply_id == self._reply_id
            case _:
                return False

    def note(self, response: ConverseResponse) -> None:
        """Take in what the orchestrator sends."""
        match response.WhichOneof("event"):
            case "reply_audio":
                self._on_audio(response.reply_audio)
            case "reply_text_delta":
                self._text.append(response.reply_text_delta.text)
            case "reply_word_spoken":
                word = response.reply_word_spoken
                self._spoken.append((word.text, seconds(word.end_offset)))
            case "user_word_recognized":
                if response.user_word_recognized.item_id != self._ended_item_id:
                    self._on_speech(response.user_word_recognized.item_id)
                    self._words.append(response.user_word_recognized)
            case "user_speech_started":
                self._on_speech(response.user_speech_started.item_id)
            case "user_turn_ended":
                self._ended_item_id, self._is_answer_due = response.user_turn_ended.item_id, True
                self._is_turn_over |= self._ended_item_id == self._item_id
            case "user_turn_restored" if response.user_turn_restored.ended:
                self._ended_item_id = response.user_turn_restored.item_id
            case "user_turn_restored":
                self._on_speech(response.user_turn_restored.item_id)
            case "user_turn_discarded":
                self._item_id = None
                self._words.clear()
            case "reply_created":
                self._is_answer_due, self._reply_id = False, response.reply_created.reply_id
                self._text, self._spoken = [], []
                self._last_audio = self._held_at = self._outcome = None
            case "reply_held":
                self._held_at = seconds(response.reply_held.heard_duration)
            case "reply_resumed":
                self._held_at = None
            case "reply_finished":
                self._outcome = response.reply_finished.text
            case "reply_cancelled":
                self._outcome = response.reply_cancelled.heard_text
            case "checkpoint":
                self._on_checkpoint(response.checkpoint)
            case "conversation_ended":
                self.ended = True

    def _on_speech(self, item_id: str) -> None:
        if item_id != self._item_id:
            self._item_id, self._is_turn_over = item_id, False
            self._words.clear()

    def _on_checkpoint(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self._words.clear()
        if self._is_turn_over:
            self._item_id, self._is_turn_over = None, False
        if self._outcome is not None:
            self._reply_id = self._outcome = None

    def _on_audio(self, audio: ReplyAudio) -> None:
        self._last_audio = (seconds(audio.start_offset), len(audio.audio))

    def resume(self, audio_offset: float, replies: AudioFormat) -> Resume:
        """What a replica is told to go on from the last checkpoint. Reply audio came in the format `replies`."""
        state = self.checkpoint.state if self.checkpoint else b""
        resume = Resume(checkpoint=state, audio_offset=duration(audio_offset))
        resume.words.extend(self._words)
        if self._reply_id is not None:
            if self._outcome is not None:
                resume.reply.CopyFrom(ReplySoFar(reply_id=self._reply_id, heard_text=self._outcome, over=True))
                return resume
            until = self._held_at if self._held_at is not None else self._audio_end(replies)
            heard = " ".join(text for text, end in self._spoken if end <= until)
            resume.reply.CopyFrom(ReplySoFar(reply_id=self._reply_id, text="".join(self._text), heard_text=heard))
        return resume

    def _audio_end(self, replies: AudioFormat) -> float:
        """Where the audio of the reply ends that has come, in seconds."""
        if self._last_audio is None:
            return 0.0
        start, size = self._last_audio
        return start + size / sample_bytes(replies) / (replies.sample_rate_hertz or SAMPLE_RATE)


def sample_bytes(audio: AudioFormat) -> int:
    """The size of a sample."""
    return SAMPLE_BYTES if audio.encoding in (0, AUDIO_ENCODING_LINEAR16) else 1
