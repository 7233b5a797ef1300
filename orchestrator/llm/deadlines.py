"""How long a language model is waited for."""

import asyncio
from collections.abc import Callable

from orchestrator.llm.completion import Answer
from orchestrator.settings import OrchestratorSettings

_EXCUSE_AFTER_S = 4.0
"""How long people wait for a model that thinks before they are told so."""


class Patience:
    """How long a server is waited for: one limit until the first word, however often it is asked, then between two.

    A model that thinks shows that it is alive, and gets more time. `clock` is the event loop's.
    """

    def __init__(self, settings: OrchestratorSettings, clock: Callable[[], float]) -> None:
        self.rewarded = False
        """There has been a word."""
        self.excused = False
        """The person has been told that it thinks."""
        self._settings = settings
        self._clock = clock
        self._began = self._clock()
        self._deadline = self._began + settings.llm_first_token_s
        self._thinking = False

    def limit(self) -> asyncio.Timeout:
        """The limit, to be held for as long as the server is waited for."""
        return asyncio.timeout_at(self._deadline)

    def lasts(self, seconds: float) -> bool:
        """Whether it lasts that much longer."""
        return self._clock() + seconds < self._deadline

    def renew(self, answer: Answer) -> None:
        """Wait longer, if there was a sign of life."""
        self._thinking = answer.thinking
        if not answer.alive:
            return
        self._deadline = self._clock() + self._settings.llm_next_token_s
        if not self.rewarded:
            self._deadline = min(self._deadline, self._began + self._settings.llm_thinking_s)

    @property
    def needs_excuse(self) -> bool:
        """Whether it has been thinking for so long that the person should be told, which has not been done."""
        waited = self._thinking and not self.rewarded and not self.excused
        return waited and self._clock() > self._began + _EXCUSE_AFTER_S
