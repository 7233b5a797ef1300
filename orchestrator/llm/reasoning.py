"""Takes out of a model's text what it thinks before it speaks.

Servers that know their model put its thoughts into a field of their own. Others leave them in the text, between marks
that depend on the model; and where the prompt already ends with the opening mark, only the closing one is seen.
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
"""How a thought begins, and how it ends. Letters may be of either case."""

_BARE = (
    *("<answer>", "</answer>", "<response>", "</response>", "<|start_response|>", "<|end_response|>"),
    *("<|start|>assistant", "<|end|>", "<|return|>", "<|im_end|>", "<|eot_id|>", "<|endoftext|>"),
)
"""What stands around thoughts and answers, and is neither."""

_MOST_WITHHELD = 200_000
"""Characters. What is longer was a thought."""


class _Marks:
    """Marks that are looked for together."""

    def __init__(self, marks: Iterable[str]) -> None:
        listed = tuple(marks)
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


_OUTSIDE = _Marks((*_PAIRS, *(end for begin, end in _PAIRS.items() if begin != _CHANNEL), *_BARE))
"""Those that mean something outside of a thought; some are prompted with the beginning of one, and only end it."""
_ENDS = {closing: _Marks([closing]) for closing in _PAIRS.values()}


class Thoughts:
    """Text goes in, cut anywhere; what is meant to be heard comes out. In the place of a thought there is a blank.

    With `unopened`, the text is expected to begin within a thought: it is withheld until that ends. If the text ends
    first, it was none.
    """

    def __init__(self, *, unopened: bool = False) -> None:
        self.found = False
        """There was a thought, and something in it."""
        self.unopened = False
        """There was one that had no beginning. What had come out before was a part of it."""
        self._opened = False
        self._closing: str | None = None
        """What ends the thought that has begun."""
        self._withheld: list[str] | None = [] if unopened else None
        self._pending = ""
        self._heard = False
        self._marked = False

    @property
    def thinking(self) -> bool:
        """Whether what comes now is taken for a thought."""
        return self._closing is not None or self.withholds

    @property
    def withholds(self) -> bool:
        """Whether text is kept, lest it turns out to be a thought."""
        return self._withheld is not None

    def feed(self, text: str) -> str:
        """Take in more text and return what of it is meant to be heard. What may be the start of a mark is kept."""
        self._pending += text
        heard: list[str] = []
        while match := self._marks.search(self._pending):
            before, self._pending = self._pending[: match.start()], self._pending[match.end() :]
            self._pass(before, heard)
            self._meet(match[0].lower(), heard)
        sure = len(self._pending) - self._marks.begun(self._pending)
        text, self._pending = self._pending[:sure], self._pending[sure:]
        self._pass(text, heard)
        return self._given(heard)

    def finish(self) -> str:
        """Say that the text is over, and return the rest that is meant to be heard."""
        heard: list[str] = []
        self._pass(self._pending, heard)
        heard[:0] = self._withheld or ()
        self._pending, self._withheld = "", None
        return self._given(heard)

    def _pass(self, text: str, heard: list[str]) -> None:
        if self._closing is not None:
            self.found |= bool(text.strip())
            return
        (heard if self._withheld is None else self._withheld).append(text)
        if self._withheld and sum(map(len, self._withheld)) > _MOST_WITHHELD:
            self._withheld = [""]

    def _meet(self, mark: str, heard: list[str]) -> None:
        """Take note of a mark."""
        self._marked = True
        if mark in _PAIRS:
            heard.extend((*(self._withheld or ()), " "))
            self._withheld = None
            self._closing, self._opened = _PAIRS[mark], True
        elif mark == self._closing:
            self._closing = None
        elif mark in _BARE:
            self._pass(" ", heard)
        elif not self._opened:
            self.found = self.unopened = self._opened = True
            self._withheld = None
            self._heard = False
            heard.clear()

    @property
    def _marks(self) -> _Marks:
        """Those that mean something now."""
        return _OUTSIDE if self._closing is None else _ENDS[self._closing]

    def _given(self, parts: list[str]) -> str:
        """Join what comes out; blanks that were around a thought do not begin an answer."""
        text = "".join(parts)
        if self._marked and not self._heard:
            text = text.lstrip()
        self._heard = self._heard or bool(text.strip())
        return text
