"""Options of the language model."""

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
    reasoning: Literal["none", "field", "reasoning", "parts", "tags", "unopened", "unclosed", "channels"] = "none"
    """Think first: in a field of its own (`reasoning_content`, or `reasoning`), in parts of the content as Mistral, in
    the text between <think> tags, without the first or the last of them, or in gpt-oss's channels."""
    thought_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """How long it thinks at least."""
    obeys: bool = False
    """Do not think when asked not to, by `reasoning_effort` or `chat_template_kwargs`."""
    refuses: tuple[str, ...] = ()
    """Parameters that are answered 400, by name."""
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    retry_after_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """What a refusal says about when to come back; 0: nothing."""
    keys: tuple[str, ...] = ()
    """The keys that may ask; empty: anybody may."""
