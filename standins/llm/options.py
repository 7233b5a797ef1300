"""Options of the language model."""

from typing import Annotated, Literal

import msgspec

from standins.engine import Options
from standins.llm.answers import REFUSALS, ROLE_REFUSALS


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
    context_words: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Words of a conversation that it takes; 0: any number. A longer one is refused like `context_refusal`."""
    context_refusal: str = "openai"
    """Whose words a conversation that is too long is refused in."""
    system_role: str = "known"
    """Whether it knows the role of the system, and if not, whose words it refuses it in."""
    models_status: Annotated[int, msgspec.Meta(ge=200, le=599)] = 200
    """What `/v1/models` answers; anything but 200 is a server that does not list its models."""
    finish_reason: Literal["stop", "length", "content_filter"] = "stop"
    retry_after_s: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    """What a refusal says about when to come back; 0: nothing."""
    keys: tuple[str, ...] = ()
    """The keys that may ask; empty: anybody may."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a name that no refusal has."""
        if self.context_refusal not in REFUSALS:
            raise ValueError(f"context_refusal is one of {', '.join(REFUSALS)}")
        if self.system_role not in ("known", *ROLE_REFUSALS):
            raise ValueError(f"system_role is known, or one of {', '.join(ROLE_REFUSALS)}")
