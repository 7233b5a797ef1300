"""How long a language model is waited for."""

import asyncio
from collections.abc import Callable

from orchestrator.llm.completion import CompletionParser
from orchestrator.settings import OrchestratorSettings

_ANNOUNCE_AFTER_S = 4.0
"""How long a person waits for a model that reasons before Parley says `llm_thinking_text`."""

_REST_FACTOR = 2.0
"""How many times the limit between two words the first word of a rest may take: the model has to be asked again."""


class ResponseDeadlines:
    """The deadlines of one answer: one until its first word, however often the server is asked, then one between words.

    A model that reasons shows that it is alive, and gets more time. `clock` is the event loop's. `is_rest`: the person
    has heard the beginning of the answer, and waits in the middle of it.
    """

    def __init__(self, settings: OrchestratorSettings, clock: Callable[[], float], *, is_rest: bool = False) -> None:
        self.got_first_word = False
        self.announced = False
        """The person has been told that the model reasons."""
        self._settings = settings
        self._clock = clock
        self._began = self._clock()
        self._is_rest = is_rest
        longest_s = settings.llm_first_token_s
        if is_rest:
            longest_s = min(longest_s, _REST_FACTOR * settings.llm_next_token_s)
        self._first_by = self._deadline = self._began + longest_s
        self._reasoning = False

    @property
    def after_words(self) -> bool:
        """Whether other words have been said before the answer."""
        return self.announced or self._is_rest

    def limit(self) -> asyncio.Timeout:
        """The present deadline as a time-out, to be held for as long as the server is waited for."""
        return asyncio.timeout_at(self._deadline)

    def allows(self, seconds: float) -> bool:
        """Whether the present deadline is further away than that."""
        return self._clock() + seconds < self._deadline

    def extend(self, answer: CompletionParser) -> None:
        """Move the deadline on, if the last chunk of the answer held something."""
        self._reasoning = answer.reasoning
        if not answer.alive:
            return
        self._deadline = self._clock() + self._settings.llm_next_token_s
        if not self.got_first_word:
            # A model that has begun, and stops before its first word is whole, has no less time than a silent one.
            self._deadline = max(self._deadline, self._first_by)
            self._deadline = min(self._deadline, self._began + self._settings.llm_thinking_s)

    @property
    def should_announce(self) -> bool:
        """Whether the model has been reasoning for so long that the person should be told, which has not been done."""
        waiting = self._reasoning and not self._is_rest and not self.got_first_word and not self.announced
        return waiting and self._clock() > self._began + _ANNOUNCE_AFTER_S
