"""The overview that Unmute's clients get beside the events: the conversation so far, and figures for developers."""

from edge.dialects.unmute.chat_history import ChatHistory
from edge.dialects.unmute.debugging import Debugging
from edge.dialects.unmute.server_events import AdditionalOutputs, ChatMessage, Outcome, Outputs
from mesh.audio import SAMPLE_RATE

_EVERY_SAMPLES = SAMPLE_RATE
"""Of received audio: how much goes by at least before an overview fills a pause."""


class Overview:
    """Makes `unmute.additional_outputs`, and knows when one is due of itself."""

    def __init__(self, history: ChatHistory, debugging: Debugging) -> None:
        self._history = history
        self._debugging = debugging
        self._heard_samples = 0
        self._shown_at = 0
        self._wanted = False

    def client_speaks(self) -> None:
        """The client has said what it wants. Before that it is told nothing of itself."""
        self._wanted = True

    def heard(self, samples: int) -> None:
        """So much more audio has come from the microphone."""
        self._heard_samples += samples

    @property
    def is_due(self) -> bool:
        """Whether one may fill the next pause."""
        return self._wanted and self._heard_samples - self._shown_at > _EVERY_SAMPLES

    def in_pause(self) -> AdditionalOutputs:
        """One that fills a pause."""
        return AdditionalOutputs(args=self._shown(self._history.messages()))

    def after_reply(self, text: str) -> AdditionalOutputs:
        """One that says what a reply has said. Its last message is the reply, which may say nothing at all."""
        messages = self._history.messages()
        if not text:
            messages.append(ChatMessage("assistant", ""))
        return AdditionalOutputs(args=self._shown(messages))

    def after_failure(self, outcome: Outcome) -> AdditionalOutputs:
        """One that says how a reply has ended that nobody interrupted."""
        return AdditionalOutputs(args=self._shown(self._history.messages()), response=outcome)

    def _shown(self, messages: list[ChatMessage]) -> Outputs:
        self._shown_at = self._heard_samples
        return Outputs(chat_history=messages, debug_dict=self._debugging.figures(self._heard_samples / SAMPLE_RATE))
