"""How Unmute's clients are told about a reply: from its creation to its release, or to its cut."""

from collections.abc import Iterator

from edge.dialects.unmute.chat_history import ChatHistory
from edge.dialects.unmute.server_events import (
    AdditionalOutputs,
    AudioDelta,
    AudioDone,
    InterruptedByVad,
    Outputs,
    Response,
    ResponseCreated,
    ServerEvent,
)
from edge.opus import OpusEncoder
from parley.conversation.v1 import conversation_pb2 as conversation

_INTERRUPTIONS = (conversation.CANCEL_CAUSE_SPEECH_DETECTED, conversation.CANCEL_CAUSE_WORD_RECOGNIZED)


class Replies:
    """The replies of one connection, and the one Ogg stream that all of them are spoken in."""

    def __init__(self, history: ChatHistory) -> None:
        self._history = history
        self._encoder = OpusEncoder()

    def created(self, event: conversation.ReplyCreated) -> Iterator[ServerEvent]:
        """A reply begins; the voice of an engine's choice is called "missing"."""
        voice = event.voice or "missing"
        yield ResponseCreated(response=Response(voice=voice, chat_history=self._history.messages()))

    def audio(self, event: conversation.ReplyAudio) -> Iterator[ServerEvent]:
        """More of a reply may be heard."""
        yield from _audio_delta(self._encoder.encode(event.audio))

    def released(self, event: conversation.ReplyReleased) -> Iterator[ServerEvent]:
        """All of a reply was sent.

        The load test takes the reply's text from the last message of the history, which must come before the end.
        """
        yield from _audio_delta(self._encoder.flush())
        self._history.assistant(event.reply_id, event.text)
        yield AdditionalOutputs(args=Outputs(chat_history=self._history.messages()))
        yield AudioDone()

    def cancelled(self, event: conversation.ReplyCancelled) -> Iterator[ServerEvent]:
        """A reply ended early; what can have been heard of it stays in the history."""
        yield from _audio_delta(self._encoder.flush())
        self._history.assistant(event.reply_id, event.heard_text)
        if event.cause in _INTERRUPTIONS:
            yield InterruptedByVad()


def _audio_delta(pages: bytes) -> Iterator[ServerEvent]:
    if pages:
        yield AudioDelta(delta=pages)
