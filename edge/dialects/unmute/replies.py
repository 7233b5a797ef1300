"""The events about a reply that Unmute's clients get: from its creation to its release, or to its cut."""

from collections.abc import Iterator

from edge.audio.opus import OpusEncoder
from edge.dialects.unmute.additional_outputs import AdditionalOutputs, ChatHistory, DebugFigures
from edge.dialects.unmute.server_events import (
    AudioDelta,
    AudioDone,
    InterruptedByVad,
    Outcome,
    Response,
    ResponseCreated,
    ServerEvent,
    Status,
    TextDelta,
    TextDeltaReady,
    TextDone,
)
from parley.conversation.v1 import conversation_pb2 as conversation

_INTERRUPTIONS = (conversation.CANCEL_CAUSE_SPEECH_DETECTED, conversation.CANCEL_CAUSE_WORD_RECOGNIZED)


class Replies:
    """The replies of one connection, and the one Ogg stream that all of them are spoken in."""

    def __init__(self, history: ChatHistory, figures: DebugFigures, outputs: AdditionalOutputs) -> None:
        self._history = history
        self._figures = figures
        self._outputs = outputs
        self._encoder = OpusEncoder()
        self._written = ""
        self._text_is_open = False
        """Whether the present reply's text goes on, as far as the client knows."""
        self._voice_has_failed = False
        """Whether the present reply's synthesis broke off: what is released of it is not all that it was to say."""

    def on_created(self, event: conversation.ReplyCreated) -> Iterator[ServerEvent]:
        """A reply begins; the voice of an engine's choice is called "missing"."""
        self._written, self._text_is_open, self._voice_has_failed = "", True, False
        voice = event.voice or "missing"
        self._figures.on_reply_created(voice)
        yield ResponseCreated(
            response=Response(id=event.reply_id, voice=voice, chat_history=self._history.messages()),
        )

    def on_text(self, event: conversation.ReplyTextDelta) -> Iterator[ServerEvent]:
        """The language model has written a word. It is dropped once the reply has ended because its voice failed."""
        if self._text_is_open:
            self._written += event.text
            self._figures.on_reply_text()
            yield TextDeltaReady(delta=event.text)

    def on_text_done(self) -> Iterator[ServerEvent]:
        """It has written all words. A reply without words has these events too: the load test times every turn."""
        if self._text_is_open:
            self._text_is_open = False
            if not self._written:
                yield TextDeltaReady(delta="")
            yield TextDone(text=self._written)

    def on_voice_failed(self) -> None:
        """Its synthesis has broken off; what there is of it is still released."""
        self._voice_has_failed = True

    def on_audio(self, event: conversation.ReplyAudio) -> Iterator[ServerEvent]:
        """More of a reply may be heard."""
        self._figures.on_reply_audio()
        yield from _audio_delta(self._encoder.encode(event.audio))

    def on_word(self, event: conversation.ReplyWordSpoken) -> Iterator[ServerEvent]:
        """A word is being heard."""
        self._history.add_reply_word(event.reply_id, event.text)
        yield TextDelta(delta=event.text)

    def on_released(self, event: conversation.ReplyReleased) -> Iterator[ServerEvent]:
        """All of a reply was sent.

        Its text is at an end too, at the latest now: the voice may have failed while the model was writing.
        The load test takes the reply's text from the last message of the history, which must come before the end, and
        needs audio in every turn.
        """
        yield from self.on_text_done()
        yield from _audio_delta(self._encoder.silence())
        self._history.set_reply(event.reply_id, event.text)
        self._figures.on_reply_end()
        yield self._outputs.after_reply(event.text)
        status: Status = "failed" if self._voice_has_failed else "completed"
        yield AudioDone(response=Outcome(id=event.reply_id, status=status, text=event.text))

    def on_cancelled(self, event: conversation.ReplyCancelled) -> Iterator[ServerEvent]:
        """A reply ended early; what can have been heard of it stays in the history.

        No audio is sent for one that had none, or whose end was sent already: the load test takes the first audio after
        an end for the next reply's.
        """
        self._text_is_open = False
        yield from _audio_delta(self._encoder.flush())
        self._history.set_reply(event.reply_id, event.heard_text)
        self._figures.on_reply_end()
        if event.cause in _INTERRUPTIONS:
            yield InterruptedByVad(response=_outcome(event, "cancelled"))
        else:
            failed = event.cause == conversation.CANCEL_CAUSE_FAILED
            yield self._outputs.after_failure(_outcome(event, "failed" if failed else "cancelled"))


def _outcome(event: conversation.ReplyCancelled, status: Status) -> Outcome:
    return Outcome(id=event.reply_id, status=status, text=event.heard_text)


def _audio_delta(pages: bytes) -> Iterator[ServerEvent]:
    if pages:
        yield AudioDelta(delta=pages)
