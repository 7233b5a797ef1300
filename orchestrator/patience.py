"""How long a language model is waited for."""

import asyncio

from orchestrator.settings import OrchestratorSettings

_EXCUSE_AFTER_S = 4.0
"""How long people wait for a model that thinks before they are told so."""


class Patience:
    """How long a server is waited for: one limit until the first word, however often it is asked, then between two.

    A model that thinks shows that it is alive, and gets more time.
    """

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.words = 0
        """Given so far."""
        self.thinking = False
        """It has been seen to think, and has not said a word."""
        self.excused = False
        """The person has been told that it thinks."""
        self._settings = settings
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._deadline = self._began + settings.llm_first_token_s

    def limit(self) -> asyncio.Timeout:
        """The limit, to be held for as long as the server is waited for."""
        return asyncio.timeout_at(self._deadline)

    def lasts(self, seconds: float) -> bool:
        """Whether it lasts that much longer."""
        return self._clock() + seconds < self._deadline

    def renew(self, *, thinking: bool) -> None:
        """There was a sign of life."""
        self._deadline = self._clock() + self._settings.llm_next_token_s
        self.thinking = thinking and not self.words
        if not self.words:
            self._deadline = min(self._deadline, self._began + self._settings.llm_thinking_s)

    @property
    def needs_excuse(self) -> bool:
        """Whether it has been thinking for so long that the person should be told, which has not been done."""
        return self.thinking and not self.excused and self._clock() > self._began + _EXCUSE_AFTER_S
