"""Takes a model's reasoning out of its text.

Servers that know their model put its reasoning into a field of its own. Others leave it in the text, between marks that
depend on the model; and where the prompt already ends with the opening mark, only the closing one is seen.
"""

import re
from collections.abc import Iterable

_CHANNEL = "<|channel|>"
_PAIRS = {
    # Qwen, DeepSeek and most others; Seed-OSS; MiniMax
    **{f"<{name}>": f"</{name}>" for name in ("think", "thinking", "thought", "reasoning", "seed:think", "mm:think")},
    "[think]": "[/think]",  # Magistral
    "◁think▷": "◁/think▷",  # Kimi
    "<|start_thinking|>": "<|end_thinking|>",  # Command A
    "<|channel>thought": "<channel|>",  # Gemma 4
    _CHANNEL: "final<|message|>",  # gpt-oss: every channel but the last is for itself
}
"""The marks that open and close reasoning. Letters may be of either case."""

_FRAMING = (
    *("<answer>", "</answer>", "<response>", "</response>", "<|start_response|>", "<|end_response|>"),
    *("<|start|>assistant", "<|im_start|>assistant", "<|start_of_role|>assistant<|end_of_role|>", "<|assistant|>"),
    *("<|start_header_id|>assistant<|end_header_id|>", "<|header_start|>assistant<|header_end|>"),
    *("<start_of_turn>model", "<|turn>model", "<｜assistant｜>", "<|start_of_turn_token|><|chatbot_token|>"),  # noqa: RUF001 - its own bars
    *(
        "[|assistant|]",
        "<|im_assistant|>assistant<|im_middle|>",
        "<s>",
        "<bos>",
        "<|begin_of_text|>",
        "<|startoftext|>",
    ),
)
"""Marks that stand around reasoning and answers, and are dropped."""

_TURN_ENDS = (
    *("<|im_end|>", "<|im_start|>"),  # ChatML: Qwen, Yi, SmolLM, Hermes
    *(
        "<|eot_id|>",
        "<|eom_id|>",
        "<|start_header_id|>",
        "<|end_of_text|>",
        "<|eot|>",
        "<|header_start|>",
    ),  # Llama 3, 4
    *("</s>", "[inst]", "[/inst]", "<<sys>>"),  # Llama 2, Mistral, Zephyr
    *("<end_of_turn>", "<start_of_turn>", "<eos>", "<turn|>", "<|turn>"),  # Gemma
    *("<|end|>", "<|user|>", "<|system|>", "<|observation|>", "<|endoftext|>"),  # Phi, GLM, OLMo, GPT
    *("<|return|>", "<|call|>", "<|start|>user", "<|start|>system"),  # gpt-oss
    *("<｜end▁of▁sentence｜>", "<｜user｜>"),  # DeepSeek  # noqa: RUF001 - its own bars
    *("<|end_of_turn_token|>", "<|start_of_turn_token|>"),  # Command R
    *("<|start_of_role|>", "<|end_of_turn|>", "<seed:eos>", "<|im_user|>"),  # Granite; OpenChat; Seed-OSS; Kimi
    *("[|endofturn|]", "[|user|]", "<eoa>", "### instruction:", "### human:"),  # EXAONE; InternLM; Alpaca; Vicuna
)
"""Marks that end the model's turn. What follows is not its own: it plays the person."""

_MAX_BUFFERED = 200_000
"""Characters. A longer text without a closing mark was reasoning."""


class _Marks:
    """Marks that are looked for together."""

    def __init__(self, marks: Iterable[str]) -> None:
        listed = sorted(marks, key=len, reverse=True)  # of two that begin alike, the longer one
        # The lookahead lets the search pass over most letters without trying every mark.
        firsts = "".join(re.escape(first + first.upper()) for first in {mark[0] for mark in listed})
        either = "|".join(map(re.escape, listed))
        self.search = re.compile(f"(?=[{firsts}])(?:{either})", re.IGNORECASE | re.ASCII).search
        self._beginnings = frozenset(mark[:length] for mark in listed for length in range(1, len(mark)))
        self._longest = max(map(len, listed)) - 1

    def begun(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a mark."""
        end = text[-self._longest :].lower()
        return next((n for n in range(len(end), 0, -1) if end[-n:] in self._beginnings), 0)


_OUTSIDE = _Marks((*_PAIRS, *(end for begin, end in _PAIRS.items() if begin != _CHANNEL), *_FRAMING, *_TURN_ENDS))
"""The marks that count outside of reasoning. Closing marks do too: the prompt may have opened it."""
_ENDS = {closing: _Marks([closing]) for closing in _PAIRS.values()}


class ReasoningFilter:
    """Text goes in, cut anywhere; the answer in it comes out, with a blank for each stretch of reasoning.

    With `starts_inside`, the text is expected to begin inside reasoning: it is buffered until a closing mark. If the
    text ends first, it was the answer.
    """

    def __init__(self, *, starts_inside: bool = False) -> None:
        self.found = False
        """There was reasoning that was not blank."""
        self.started_inside = False
        """A closing mark came without an opening one. What had come out before was reasoning."""
        self.ended = False
        """The model has ended its turn. What follows is dropped."""
        self._opened = False
        self._closing: str | None = None
        """The mark that ends the present reasoning; None outside of it."""
        self._buffered: list[str] | None = [] if starts_inside else None
        self._pending = ""
        self._has_text = False
        """Something that is not blank has come out."""
        self._marked = False

    @property
    def inside(self) -> bool:
        """Whether the text that comes now is taken for reasoning."""
        return self._closing is not None or self.buffering

    @property
    def buffering(self) -> bool:
        """Whether text is kept back until it is known not to be reasoning."""
        return self._buffered is not None

    def feed(self, text: str) -> str:
        """Take in more text and return the part of it that is answer. What may be the start of a mark is kept."""
        self._pending += text
        answer: list[str] = []
        while not self.ended and (match := self._marks.search(self._pending)):
            before, self._pending = self._pending[: match.start()], self._pending[match.end() :]
            self._emit(before, answer)
            self._on_mark(match[0].lower(), answer)
        if self.ended:
            self._pending = ""
        sure = len(self._pending) - self._marks.begun(self._pending)
        text, self._pending = self._pending[:sure], self._pending[sure:]
        self._emit(text, answer)
        return self._joined(answer)

    def finish(self) -> str:
        """End the text and return the rest of the answer."""
        answer: list[str] = []
        self._emit(self._pending, answer)
        answer[:0] = self._buffered or ()
        self._pending, self._buffered = "", None
        return self._joined(answer)

    def _emit(self, text: str, answer: list[str]) -> None:
        if self._closing is not None:
            self.found |= bool(text.strip())
            return
        (answer if self._buffered is None else self._buffered).append(text)
        if self._buffered and sum(map(len, self._buffered)) > _MAX_BUFFERED:
            self._buffered = [""]

    def _on_mark(self, mark: str, answer: list[str]) -> None:
        """Enter or leave reasoning, as a mark says."""
        self._marked = True
        if mark in _PAIRS:
            answer.extend((*(self._buffered or ()), " "))
            self._buffered = None
            self._closing, self._opened = _PAIRS[mark], True
        elif mark == self._closing:
            self._closing = None
        elif mark in _FRAMING:
            self._emit(" ", answer)
        elif mark in _TURN_ENDS:
            # Before the first word it belongs to the prompt: Mistral's answers may begin with [/INST].
            self.ended = self._has_text or any(part.strip() for part in (*answer, *(self._buffered or ())))
        elif not self._opened:
            self.found = self.started_inside = self._opened = True
            self._buffered = None
            self._has_text = False
            answer.clear()

    @property
    def _marks(self) -> _Marks:
        """The marks that count now."""
        return _OUTSIDE if self._closing is None else _ENDS[self._closing]

    def _joined(self, parts: list[str]) -> str:
        """Join what comes out; blanks that were around reasoning do not begin an answer."""
        text = "".join(parts)
        if self._marked and not self._has_text:
            text = text.lstrip()
        self._has_text = self._has_text or bool(text.strip())
        return text
