"""Parses one answer of a language model: chunks of its stream go in, words come out."""

from typing import Any

from openai.types.chat import ChatCompletionChunk

from orchestrator.llm.failures import RETRY_AFTER_S, LanguageModelFailed
from orchestrator.llm.reasoning import ReasoningFilter
from orchestrator.llm.words import WordSplitter, words_of

_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
"""Where servers put a model's reasoning."""


class CompletionParser:
    """Turns an answer into words, and keeps account of how it goes.

    `starts_in_reasoning`: it is expected to begin inside reasoning, without an opening mark. `after_words`: other words
    have been said before it.
    """

    def __init__(self, *, starts_in_reasoning: bool, after_words: bool) -> None:
        self.words = 0
        """How many have come out."""
        self.reasoned = False
        """It has held reasoning."""
        self.reasoning = False
        """The last chunk that held something held reasoning."""
        self.alive = False
        """The last chunk held something."""
        self._filter = ReasoningFilter(starts_inside=starts_in_reasoning)
        self._after_words = after_words
        self._splitter = WordSplitter(after_words=after_words)
        self._finish_reason: str | None = None

    @property
    def began_in_reasoning(self) -> bool:
        """It has turned out to have begun inside reasoning. The words returned before that were part of it."""
        return self._filter.started_inside

    def feed(self, chunk: ChatCompletionChunk) -> list[str]:
        """Take in a chunk and return the words that are complete. A malformed chunk raises one of many errors.

        Servers also send chunks without choices, or with null for content.
        """
        self.alive = False
        if not chunk.choices:
            return []
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        text, reasoning = _content(choice.delta.content)
        reasoning |= any((choice.delta.model_extra or {}).get(field) for field in _REASONING_FIELDS)
        if reasoning and self._filter.buffering:  # Its reasoning has a field of its own, so its text holds none.
            self._filter = ReasoningFilter()
        began_in_reasoning = self.began_in_reasoning
        answer = self._filter.feed(text)
        if self.began_in_reasoning and not began_in_reasoning:
            self._splitter = WordSplitter(after_words=self._after_words)
        if text or reasoning:
            self.alive = True
            self.reasoning = reasoning or self._filter.inside
        self.reasoned |= reasoning or self._filter.found
        return self._counted(self._splitter.feed(answer))

    def insert(self, text: str) -> list[str]:
        """Say something else before its first word, and return the words of that."""
        words = words_of(text)
        self._after_words = self._after_words or bool(words)
        self._splitter = WordSplitter(after_words=self._after_words)
        return words

    def finish(self) -> list[str]:
        """Return the last words."""
        # Reasoning may be expected and be cut off: then all that was buffered was reasoning.
        cut_off = self._filter.buffering and self._finish_reason == "length"
        rest = "" if cut_off else self._filter.finish()
        return self._counted([*self._splitter.feed(rest), *self._splitter.finish()])

    def check(self) -> None:
        """Raise `LanguageModelFailed` if it has ended, but not as it should."""
        if self._finish_reason == "length":
            raise LanguageModelFailed("the language model reached its limit of tokens")
        if self._finish_reason == "content_filter":
            raise LanguageModelFailed("the language model's server withheld its answer")
        if self.reasoned and not self.words:
            raise LanguageModelFailed("the language model thought, and said nothing")
        if self._finish_reason is None and not self.words:
            raise LanguageModelFailed("the language model's answer was empty", retry_after=RETRY_AFTER_S)

    def _counted(self, words: list[str]) -> list[str]:
        self.words += len(words)
        self._after_words = self._after_words or bool(words)
        return words


def _content(content: Any) -> tuple[str, bool]:
    """Return the text of a chunk's content, and whether it also holds reasoning: Mistral sends a list of parts."""
    reasoning = False
    if isinstance(content, list):
        reasoning = any(part["type"] != "text" for part in content)
        content = "".join(part["text"] for part in content if part["type"] == "text")
    if not isinstance(content, str | None):
        raise TypeError(f"the content of a chunk is a {type(content).__name__}")
    return content or "", reasoning
