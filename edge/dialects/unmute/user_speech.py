"""When Unmute's clients get the events that the person starts and stops speaking.

They learn of speech only from its first word: the transcription delta, then `speech_started`. So a start that was
merely detected waits for a word, and with it a pause that came sooner (recognition is half a second behind). A turn
that turns out to hold no words is never mentioned. Only a long silence is announced without a start.
"""

from collections.abc import Iterator

from edge.dialects.unmute.server_events import ServerEvent, SpeechStarted, SpeechStopped, TranscriptionDelta
from mesh.times import seconds
from parley.conversation.v1 import conversation_pb2 as conversation


class UserSpeech:
    """The person's present turn, as far as clients know of it."""

    def __init__(self) -> None:
        self._item_id: str | None = None
        self._has_words = False
        self._paused_before_words = False

    def on_started(self, event: conversation.UserSpeechStarted) -> None:
        """Speech was noticed, at first or once more."""
        self._follow(event.item_id)
        self._paused_before_words = False

    def on_word(self, event: conversation.UserWordRecognized) -> Iterator[ServerEvent]:
        """A word is certain. One without letters or digits would be a blank entry on the page, and is left out."""
        self._follow(event.item_id)
        if not any(map(str.isalnum, event.text)):
            return
        yield TranscriptionDelta(delta=event.text, start_time=seconds(event.start_offset))
        if self._has_words:
            return
        self._has_words = True
        yield SpeechStarted()
        if self._paused_before_words:
            yield SpeechStopped()

    def on_stopped(self, event: conversation.UserSpeechStopped) -> Iterator[ServerEvent]:
        """A pause, or a long silence, was noticed."""
        self._follow(event.item_id)
        if self._has_words or event.cause == conversation.SPEECH_CAUSE_SILENCE:
            yield SpeechStopped()
        else:
            self._paused_before_words = True

    def _follow(self, item_id: str) -> None:
        if item_id != self._item_id:
            self._item_id = item_id
            self._has_words = self._paused_before_words = False
