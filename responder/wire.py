"""The part of the OpenAI chat-completions wire that the responder speaks (platform.openai.com/docs/api-reference/chat).

Requests may carry any other field of the API; those are ignored. Absent optional fields of answers are `null`, as
OpenAI gives them.
"""

from typing import Annotated, Literal

import msgspec

MODEL = "parley-responder"

Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
FinishReason = Literal["stop", "length"]


class ContentPart(msgspec.Struct):
    """A part of a message; parts that hold no text (images, audio) count as empty."""

    type: str
    text: str = ""


class ChatMessage(msgspec.Struct):
    """One message of the conversation so far."""

    role: Role
    content: str | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The message's text, its parts joined."""
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(msgspec.Struct):
    """How a stream is given."""

    include_usage: bool = False


class ChatRequest(msgspec.Struct):
    """The body of `POST /v1/chat/completions`."""

    model: str
    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Usage(msgspec.Struct):
    """How many tokens went in and came out."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AssistantMessage(msgspec.Struct):
    """A whole answer."""

    content: str
    role: str = "assistant"
    refusal: None = None


class Choice(msgspec.Struct):
    """The one answer of a completion."""

    message: AssistantMessage
    finish_reason: FinishReason
    index: int = 0
    logprobs: None = None


class Completion(msgspec.Struct, tag_field="object", tag="chat.completion"):
    """An answer given whole."""

    id: str
    created: int
    choices: list[Choice]
    usage: Usage
    model: str = MODEL
    system_fingerprint: None = None


class Delta(msgspec.Struct, omit_defaults=True):
    """What a chunk adds to the answer. The last one is empty."""

    role: str | None = None
    content: str | None = None


class ChunkChoice(msgspec.Struct):
    """The one answer of a chunk."""

    delta: Delta
    finish_reason: FinishReason | None = None
    index: int = 0
    logprobs: None = None


class Chunk(msgspec.Struct, tag_field="object", tag="chat.completion.chunk"):
    """One event of a streamed answer. `usage` is there only when it was asked for: `null` until the last chunk."""

    id: str
    created: int
    choices: list[ChunkChoice]
    model: str = MODEL
    system_fingerprint: None = None
    usage: Usage | msgspec.UnsetType | None = msgspec.UNSET


class Model(msgspec.Struct, tag_field="object", tag="model"):
    """A model that can be asked."""

    created: int
    id: str = MODEL
    owned_by: str = "parley"


class ModelList(msgspec.Struct, tag_field="object", tag="list"):
    """The answer to `GET /v1/models`."""

    data: list[Model]


class ErrorBody(msgspec.Struct):
    """What went wrong; `param` names the field of the request that is at fault."""

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorAnswer(msgspec.Struct):
    """The body of every answer that is not 200."""

    error: ErrorBody
