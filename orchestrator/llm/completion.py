"""Parses one answer of a language model: chunks of its stream go in, words come out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.llm.failures import RETRY_AFTER_S, LanguageModelFailed
from orchestrator.llm.reasoning import ReasoningFilter
from orchestrator.llm.words import WordSplitter, words_of

_REASONING_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
"""Where servers put a model's reasoning."""

_GOOD_ENDINGS = frozenset(("stop", "eos", "eos_token", "stop_sequence", "end_turn", "complete", "completed"))
"""Of an answer that is whole: OpenAI and most others; Together; TGI; TGI, Anthropic and Cohere; Anthropic; Cohere."""
_BAD_ENDINGS = {
    **dict.fromkeys(
        ("length", "max_tokens", "model_length", "error_limit", "model_context_window_exceeded"),
        "the language model reached its limit of tokens",  # also: Anthropic and Gemini; Mistral; Cohere; Anthropic
    ),
    **dict.fromkeys(
        # OpenAI; Gemini; Anthropic; Zhipu; Cohere
        (
            *("content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii", "language"),
            *("refusal", "sensitive", "error_toxic"),
        ),
        "the language model's server withheld its answer",
    ),
    **dict.fromkeys(
        # OpenAI; Cohere; Anthropic; Gemini
        ("tool_calls", "function_call", "tool_call", "tool_use", "malformed_function_call", "unexpected_tool_call"),
        "the language model called a tool that it was not offered",
    ),
}
"""What is said of others. An ending that is in neither table is told by its name."""
_NO_ENDING = frozenset(("", "null", "none"))
"""What servers write into every chunk before the last: DashScope "null", others an empty text."""
_NAME = re.compile(r"\w{1,40}", re.ASCII)
_LONGEST_PIECE = 2_000
"""Characters of a chunk that are parsed at once; it takes some milliseconds, in which nobody else is served."""
_ENDED_SENTENCE = re.compile(r"[.!?…。！？؟।][\s\"'”’»)\]*_]*$")  # noqa: RUF001 - the marks of other scripts


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
        self._called_tool = False
        self._index: Any = None
        """The choice that is taken: the first that came. Others are other answers."""
        self._end = ""
        """The last characters of its text."""

    @property
    def finished(self) -> bool:
        """Its server has said why it ended."""
        return self._finish_reason is not None

    @property
    def ended(self) -> bool:
        """The model has ended its turn by a mark, whatever its server still sends."""
        return self._filter.ended

    @property
    def began_in_reasoning(self) -> bool:
        """It has turned out to have begun inside reasoning. The words returned before that were part of it."""
        return self._filter.started_inside

    def feed(self, chunk: Mapping[str, Any]) -> list[str]:
        """Take in a chunk and return the words that are complete. A malformed chunk raises one of many errors.

        Servers also send chunks without choices, choices without a delta, and null for content. A whole answer has a
        message in place of the delta.
        """
        self.alive = False
        choice = self._choice(chunk)
        if choice is None:
            return []
        ending = choice.get("finish_reason")
        if isinstance(ending, str) and ending.lower() not in _NO_ENDING:
            self._finish_reason = ending
        delta = choice.get("delta")
        if not delta and not self._end:  # Some servers repeat the whole message at the end.
            delta = choice.get("message")
        delta = delta or {}
        self._called_tool |= bool(delta.get("tool_calls") or delta.get("function_call"))
        text, reasoning = _content(delta.get("content"))
        text += delta.get("refusal") or ""  # OpenAI: the model declines, in words for the person
        self._end = (self._end + text)[-8:]
        reasoning |= any(delta.get(field) for field in _REASONING_FIELDS)
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
        cut_off = self._filter.buffering and (self._finish_reason or "").lower() == "length"
        rest = "" if cut_off else self._filter.finish()
        return self._counted([*self._splitter.feed(rest), *self._splitter.finish()])

    def check(self, *, done: bool = False) -> None:
        """Raise `LanguageModelFailed` if it has ended, but not as it should. `done`: its server said that it was all.

        Without a reason and without the server's word for it, an answer is whole if its text ends like a sentence.
        """
        ending = (self._finish_reason or "").lower()
        if self._called_tool and ending in _GOOD_ENDINGS and not self.words:
            ending = "tool_calls"
        if self.ended and self.words:
            return
        if ending and ending not in _GOOD_ENDINGS:
            name = f": {ending}" if _NAME.fullmatch(ending) else ""
            raise LanguageModelFailed(_BAD_ENDINGS.get(ending, f"the language model did not finish its answer{name}"))
        if self.reasoned and not self.words:
            raise LanguageModelFailed("the language model thought, and said nothing")
        if ending:
            return
        if not self.words:
            raise LanguageModelFailed("the language model's answer was empty", retry_after=RETRY_AFTER_S)
        if not done and not _ENDED_SENTENCE.search(self._end):
            raise LanguageModelFailed("the language model broke off", retry_after=RETRY_AFTER_S)

    def _choice(self, chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
        for choice in chunk.get("choices") or ():
            index = choice.get("index") or 0
            if self._index is None:
                self._index = index
            if index == self._index:
                found: Mapping[str, Any] = choice
                return found
        return None

    def _counted(self, words: list[str]) -> list[str]:
        self.words += len(words)
        self._after_words = self._after_words or bool(words)
        return words


def in_pieces(chunk: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Return a chunk as several, if it holds a long text: some servers send a whole answer in one."""
    choices = chunk.get("choices")
    first = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    place = next((name for name in ("delta", "message") if isinstance(first, dict) and first.get(name)), None)
    if first is None or place is None or not isinstance(first[place], dict):
        yield chunk
        return
    text = first[place].get("content")
    if not isinstance(text, str) or len(text) <= _LONGEST_PIECE:
        yield chunk
        return
    *pieces, last = [text[at : at + _LONGEST_PIECE] for at in range(0, len(text), _LONGEST_PIECE)]
    index = first.get("index")
    for piece in pieces:
        yield {**chunk, "choices": [{"index": index, "delta": {"content": piece}}]}
    rest = {name: value for name, value in first.items() if name not in ("delta", "message")}
    yield {**chunk, "choices": [{**rest, "delta": {**first[place], "content": last}}]}


def _content(content: Any) -> tuple[str, bool]:
    """Return the text of a chunk's content, and whether it also holds reasoning: Mistral sends a list of parts."""
    reasoning = False
    if isinstance(content, list):
        texts = [part.get("text") for part in content if part.get("type", "text") in ("text", "output_text")]
        reasoning = any(part.get("type") in ("thinking", "reasoning") for part in content)
        content = "".join(text for text in texts if isinstance(text, str))
    if not isinstance(content, str | None):
        raise TypeError(f"the content of a chunk is a {type(content).__name__}")
    return content or "", reasoning
