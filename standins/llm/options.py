"""What the language model can be told."""

from typing import Annotated, Literal

import msgspec

from standins.engine import Options


class LlmOptions(Options, frozen=True, kw_only=True):
    """How it writes. Times are in seconds."""

    slots: Annotated[int, msgspec.Meta(ge=0)] = 1_000
    """Requests answered at once; one more is answered 429."""
    first_token_s: Annotated[float, msgspec.Meta(ge=0)] = 0.1
    tokens_per_s: Annotated[float, msgspec.Meta(gt=0)] = 80.0
    models: tuple[str, ...] = ("parley-standin",)
    """What `/v1/models` lists; requests for others are answered 404."""
    replies: tuple[str, ...] = ()
    """The answers, in turn and from the start again after the last. Empty: one that is always the same."""
    reasoning: Literal["none", "field", "tags"] = "none"
    """Think first: in the field `reasoning_content`, or in the text between <think> tags."""
    keys: tuple[str, ...] = ()
    """The keys that may ask; empty: anybody may."""
