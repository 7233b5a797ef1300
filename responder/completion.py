"""An answer in OpenAI's two forms: whole, or as the chunks of a stream."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from responder.tokens import tokens
from responder.wire import (
    AssistantMessage,
    ChatRequest,
    Choice,
    Chunk,
    ChunkChoice,
    Completion,
    Delta,
    FinishReason,
    Usage,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered to one request. `created` is in seconds since the epoch."""

    answer_id: str
    created: int
    tokens: list[str]
    finish_reason: FinishReason
    usage: Usage
    with_usage: bool

    @classmethod
    def to(cls, asked: ChatRequest, text: str, *, answer_id: str, created: int) -> Self:
        """`text` as the answer to `asked`, cut to the number of tokens it allows."""
        pieces = tokens(text)
        limit = asked.max_completion_tokens or asked.max_tokens or len(pieces)
        given = pieces[:limit]
        prompt = sum(len(tokens(message.text)) for message in asked.messages)
        return cls(
            answer_id=answer_id,
            created=created,
            tokens=given,
            finish_reason="stop" if len(given) == len(pieces) else "length",
            usage=Usage(prompt, len(given), prompt + len(given)),
            with_usage=asked.stream_options is not None and asked.stream_options.include_usage,
        )


def whole(given: Answer) -> Completion:
    """The answer in one piece."""
    choice = Choice(AssistantMessage("".join(given.tokens)), given.finish_reason)
    return Completion(given.answer_id, given.created, [choice], given.usage)


def chunks(given: Answer) -> Iterator[Chunk]:
    """The answer as a stream: the role, each token, the reason for its end, and the usage if it was asked for."""

    def chunk(*choices: ChunkChoice, usage: Usage | None = None) -> Chunk:
        made = Chunk(given.answer_id, given.created, list(choices))
        if given.with_usage:
            made.usage = usage
        return made

    yield chunk(ChunkChoice(Delta(role="assistant", content="")))
    for token in given.tokens:
        yield chunk(ChunkChoice(Delta(content=token)))
    yield chunk(ChunkChoice(Delta(), given.finish_reason))
    if given.with_usage:
        yield chunk(usage=given.usage)
