"""What Unmute's clients get beside the events, in `unmute.additional_outputs`.

That is the conversation so far, and figures for developers, which Unmute's page shows when one presses D.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from edge.dialects import Queue
from edge.dialects.unmute.server_events import AdditionalOutputsEvent, ChatMessage, Outcome, Outputs, encoded
from mesh.audio import SAMPLE_RATE

_EVERY_SAMPLES = SAMPLE_RATE
"""How much audio must have been received since the last additional outputs before they are due by themselves."""

_QUIET_S = 0.1
"""How long nothing else must have been sent when they are sent by themselves."""

_MILLISECONDS = 3
"""Digits behind the point."""

Role = Literal["user", "assistant"]
State = Literal["waiting_for_user", "user_speaking", "bot_speaking"]


class ChatHistory:
    """The conversation without the system prompt: whole turns, and as much as has been heard of one that goes on.

    An entry may change afterwards: a reply that was cut keeps only what was heard of it.
    """

    def __init__(self) -> None:
        self._messages: dict[tuple[Role, str], ChatMessage] = {}

    def add_user_word(self, item_id: str, word: str) -> None:
        """Add a word to the user's turn `item_id`."""
        self._add("user", item_id, word)

    def set_user_turn(self, item_id: str, text: str) -> None:
        """Set the text of the user's turn `item_id`."""
        self._messages["user", item_id] = ChatMessage("user", text)

    def add_reply_word(self, reply_id: str, word: str) -> None:
        """Add a word that is heard to the reply `reply_id`."""
        self._add("assistant", reply_id, word)

    def set_reply(self, reply_id: str, text: str) -> None:
        """Set the text of the reply `reply_id`. An empty text removes the reply."""
        if text:
            self._messages["assistant", reply_id] = ChatMessage("assistant", text)
        else:
            self._messages.pop(("assistant", reply_id), None)

    def messages(self) -> list[ChatMessage]:
        """Everything so far."""
        return list(self._messages.values())

    def _add(self, role: Role, key: str, word: str) -> None:
        before = self._messages.get((role, key))
        text = f"{before.content} {word}" if before else word
        self._messages[role, key] = ChatMessage(role, text)


class DebugFigures:
    """The state of one conversation and the latency of its last answer, under the names of Unmute's server.

    `clock` gives monotonic seconds. None of the figures is about what was said.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._state: State = "waiting_for_user"
        self._voice = "none"
        self._timing: dict[str, float] = {}
        self._paused_at: float | None = None
        self._created_at = clock()
        self._first_text_at: float | None = None

    def on_user_word(self) -> None:
        """The user says something."""
        self._state = "user_speaking"
        self._timing = {}
        self._paused_at = None

    def on_user_pause(self) -> None:
        """The user seems to have finished."""
        self._paused_at = self._clock()

    def on_reply_created(self, voice: str) -> None:
        """A reply is being prepared."""
        self._state = "bot_speaking"
        self._voice = voice
        self._timing = {}
        self._created_at = self._clock()

    def on_reply_text(self) -> None:
        """The language model has written more."""
        if "to_first_token" not in self._timing:
            self._first_text_at = self._clock()
            self._note("to_first_token", since=self._created_at)

    def on_reply_audio(self) -> None:
        """More of the reply may be heard."""
        if "tts_audio" not in self._timing:
            self._note("tts_audio", since=self._created_at if self._first_text_at is None else self._first_text_at)
            self._note("to_first_audio", since=self._created_at if self._paused_at is None else self._paused_at)

    def on_reply_end(self) -> None:
        """The reply has been sent, or has ended early."""
        self._state = "waiting_for_user"
        self._paused_at = self._first_text_at = None

    def figures(self, received_s: float) -> dict[str, Any]:
        """All of them; `received_s` is how many seconds of microphone have been received."""
        return {
            "conversation_state": self._state,
            "timing": dict(self._timing),
            "tts_voice": self._voice,
            "last_receive_time": round(received_s, _MILLISECONDS),
        }

    def _note(self, name: str, *, since: float) -> None:
        self._timing[name] = round(self._clock() - since, _MILLISECONDS)


class AdditionalOutputs:
    """Makes `unmute.additional_outputs`: after each reply, and when due by itself."""

    def __init__(self, history: ChatHistory, figures: DebugFigures) -> None:
        self._history = history
        self._figures = figures
        self._received_samples = 0
        self._shown_at = 0
        self._enabled = False

    def enable(self) -> None:
        """Allow them to be due: the client has sent its first update. Before that it is sent nothing unasked."""
        self._enabled = True

    def on_audio(self, samples: int) -> None:
        """Count audio received from the microphone."""
        self._received_samples += samples

    @property
    def is_due(self) -> bool:
        """Whether they may be sent by themselves."""
        return self._enabled and self._received_samples - self._shown_at > _EVERY_SAMPLES

    def periodic(self) -> AdditionalOutputsEvent:
        """Those that are sent by themselves."""
        return AdditionalOutputsEvent(args=self._outputs(self._history.messages()))

    def after_reply(self, text: str) -> AdditionalOutputsEvent:
        """Those that follow a reply. Their last message is the reply, even if it says nothing."""
        messages = self._history.messages()
        if not text:
            messages.append(ChatMessage("assistant", ""))
        return AdditionalOutputsEvent(args=self._outputs(messages))

    def after_failure(self, outcome: Outcome) -> AdditionalOutputsEvent:
        """Those that report the end of a reply that was not interrupted."""
        return AdditionalOutputsEvent(args=self._outputs(self._history.messages()), response=outcome)

    def _outputs(self, messages: list[ChatMessage]) -> Outputs:
        self._shown_at = self._received_samples
        return Outputs(chat_history=messages, debug_dict=self._figures.figures(self._received_samples / SAMPLE_RATE))


class OutputsTimer:
    """Queues additional outputs once they are due and nothing else was sent for 0.1 s.

    `call_later` runs a function once, after so many seconds. No timer runs while nothing is due, and one entry at most
    waits in the queue.
    """

    def __init__(
        self,
        outputs: AdditionalOutputs,
        queue: Queue,
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._outputs = outputs
        self._queue = queue
        self._clock = clock
        self._call_later = call_later
        self._is_pending = False
        self._quiet_since = float("-inf")

    def restart(self) -> None:
        """Start the quiet again: something else is sent, or a client's update is about to be answered."""
        self._quiet_since = self._clock()

    def start_if_due(self) -> None:
        """Start to wait for quiet if the outputs are due, unless it waits already."""
        if self._outputs.is_due and not self._is_pending:
            self._is_pending = True
            self._wait()

    def _wait(self) -> None:
        self._call_later(max(0.0, self._quiet_since + _QUIET_S - self._clock()), self._elapsed)

    def _elapsed(self) -> None:
        if not self._outputs.is_due:
            # The end of a reply has brought them meanwhile.
            self._is_pending = False
        elif self._clock() < self._quiet_since + _QUIET_S:
            self._wait()
        else:
            self._queue(self._messages)

    def _messages(self) -> Iterator[str]:
        """The outputs as they are when it is their turn; none if the end of a reply has brought them meanwhile."""
        self._is_pending = False
        if self._outputs.is_due:
            yield encoded(self._outputs.periodic())
