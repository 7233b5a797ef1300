"""What is heard of one answer of a language model: chunks of its stream go in, words come out."""

from typing import Any

from openai.types.chat import ChatCompletionChunk

from orchestrator.llm.failures import AGAIN_AFTER_S, LanguageModelFailed
from orchestrator.llm.reasoning import Thoughts
from orchestrator.llm.words import WordSplitter, words_of

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
"""Where servers put a model's thoughts."""


class Answer:
    """Makes words of an answer, and takes note of how it goes.

    `in_thought`: it is expected to begin in a thought that is not opened. `after_words`: others have been said before.
    """

    def __init__(self, *, in_thought: bool, after_words: bool) -> None:
        self.words = 0
        """Those that have come out."""
        self.thought = False
        """There has been a thought in it."""
        self.thinking = False
        """The last that was heard of it was a thought."""
        self.alive = False
        """There was something in the last chunk."""
        self._thoughts = Thoughts(unopened=in_thought)
        self._after_words = after_words
        self._splitter = WordSplitter(after_words=after_words)
        self._finish_reason: str | None = None

    @property
    def began_in_thought(self) -> bool:
        """It has turned out to have begun in a thought that was not opened. The words before that were part of it."""
        return self._thoughts.unopened

    def hear(self, chunk: ChatCompletionChunk) -> list[str]:
        """Take in a chunk and return the words that are complete. Raises what comes of one that is not as it should be.

        Servers also send chunks without choices, or with null for content.
        """
        self.alive = False
        if not chunk.choices:
            return []
        choice = chunk.choices[0]
        self._finish_reason = choice.finish_reason or self._finish_reason
        text, thought = _content(choice.delta.content)
        thought |= any((choice.delta.model_extra or {}).get(field) for field in _THOUGHT_FIELDS)
        if thought and self._thoughts.withholds:  # It has a place for its thoughts, so that its text holds none.
            self._thoughts = Thoughts()
        began_in_thought = self.began_in_thought
        heard = self._thoughts.feed(text)
        if self.began_in_thought and not began_in_thought:
            self._splitter = WordSplitter(after_words=self._after_words)
        if text or thought:
            self.alive = True
            self.thinking = thought or self._thoughts.thinking
        self.thought |= thought or self._thoughts.found
        return self._counted(self._splitter.feed(heard))

    def insert(self, text: str) -> list[str]:
        """Say something else before its first word, and return the words of that."""
        words = words_of(text)
        self._after_words = self._after_words or bool(words)
        self._splitter = WordSplitter(after_words=self._after_words)
        return words

    def finish(self) -> list[str]:
        """Return the last words."""
        # A thought may be expected and be cut off: then all that was withheld was one.
        cut_off = self._thoughts.withholds and self._finish_reason == "length"
        rest = "" if cut_off else self._thoughts.finish()
        return self._counted([*self._splitter.feed(rest), *self._splitter.finish()])

    def check(self) -> None:
        """Raise `LanguageModelFailed` if it has ended, but not as it should."""
        if self._finish_reason == "length":
            raise LanguageModelFailed("the language model reached its limit of tokens")
        if self._finish_reason == "content_filter":
            raise LanguageModelFailed("the language model's server withheld its answer")
        if self.thought and not self.words:
            raise LanguageModelFailed("the language model thought, and said nothing")
        if self._finish_reason is None and not self.words:
            raise LanguageModelFailed("the language model's answer was empty", retry_after=AGAIN_AFTER_S)

    def _counted(self, words: list[str]) -> list[str]:
        self.words += len(words)
        self._after_words = self._after_words or bool(words)
        return words


def _content(content: Any) -> tuple[str, bool]:
    """Return the text of a chunk's content, and whether there is a thought beside it: Mistral sends a list of parts."""
    thought = False
    if isinstance(content, list):
        thought = any(part["type"] != "text" for part in content)
        content = "".join(part["text"] for part in content if part["type"] == "text")
    if not isinstance(content, str | None):
        raise TypeError(f"the content of a chunk is a {type(content).__name__}")
    return content or "", thought
