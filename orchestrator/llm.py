"""The language model, behind any server that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Self

import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from mesh.errors import UpstreamDown
from orchestrator.conversation.transcript import Message, Role
from orchestrator.settings import OrchestratorSettings
from orchestrator.words import WordSplitter


class LanguageModelFailed(UpstreamDown):
    """The language model could not answer, or stopped in the middle."""

    default_reason = "LLM_FAILED"


class LanguageModel:
    """One server's model. Connections are kept between replies, so that none of them waits for a handshake."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        base = settings.llm_url.rstrip("/")
        self._client = openai.AsyncOpenAI(
            base_url=base if base.endswith("/v1") else f"{base}/v1",
            api_key=settings.llm_api_key or "none",
            max_retries=1,  # a kept connection may have been closed meanwhile; never after the first token
            timeout=settings.llm_first_token_s,
        )
        self._model = settings.llm_model
        self._first_token_s = settings.llm_first_token_s
        self._next_token_s = settings.llm_next_token_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    @property
    def known_name(self) -> str:
        """The model's name, as far as it is known without asking."""
        return self._model or "of unknown name"

    async def name(self) -> str:
        """Return the model's name: the configured one, or the only one the server lists. Asked once.

        Raises `LanguageModelFailed` when the server cannot be asked, or lists more than one or none.
        """
        if self._model is None:
            try:
                listed = [model.id async for model in self._client.models.list()]
            except openai.OpenAIError as error:
                raise LanguageModelFailed(_described(error)) from error
            if len(listed) != 1:
                raise LanguageModelFailed(
                    f"the server lists {len(listed)} language models: name one of them in KYUTAI_LLM_MODEL"
                )
            self._model = listed[0]
        return self._model

    async def answers(self) -> bool:
        """Tell whether the server answers, within two seconds."""
        try:
            async with asyncio.timeout(2.0):
                await self._client.models.list()
        except (openai.OpenAIError, TimeoutError):
            return False
        return True

    async def words(self, messages: list[Message], temperature: float) -> AsyncIterator[str]:
        """Stream the answer to `messages`, one word at a time, each with the space that goes before it.

        Raises `LanguageModelFailed`. Closing the iterator cancels the request.
        """
        splitter = WordSplitter()
        async for text in self._deltas(messages, temperature):
            for word in splitter.feed(text):
                yield word
        for word in splitter.finish():
            yield word

    async def _deltas(self, messages: list[Message], temperature: float) -> AsyncIterator[str]:
        # A limit may only be in force while this generator waits itself, never while its caller works.
        try:
            async with asyncio.timeout(self._first_token_s):
                stream = await self._client.chat.completions.create(
                    model=await self.name(),
                    messages=list(_wire(messages)),
                    temperature=temperature,
                    stream=True,
                )
            async with stream:
                patience = self._first_token_s
                while True:
                    async with asyncio.timeout(patience):
                        chunk = await anext(stream, None)
                    if chunk is None:
                        return
                    patience = self._next_token_s
                    if text := _text(chunk):
                        yield text
        except TimeoutError as error:
            raise LanguageModelFailed("the language model took too long") from error
        except openai.OpenAIError as error:
            raise LanguageModelFailed(_described(error)) from error


def _text(chunk: ChatCompletionChunk) -> str:
    """Return the text of a chunk; servers also send chunks without choices, or with null for content."""
    return (chunk.choices[0].delta.content or "") if chunk.choices else ""


def _wire(messages: Iterable[Message]) -> Iterable[ChatCompletionMessageParam]:
    for message in messages:
        match message.role:
            case Role.SYSTEM:
                yield {"role": "system", "content": message.text}
            case Role.USER:
                yield {"role": "user", "content": message.text}
            case Role.ASSISTANT:
                yield {"role": "assistant", "content": message.text}


def _described(error: openai.OpenAIError) -> str:
    """Say what went wrong without repeating what the server said: its text may hold the prompt or the key."""
    match error:
        case openai.APITimeoutError():
            return "the language model took too long"
        case openai.APIConnectionError():
            return "the language model cannot be reached"
        case openai.AuthenticationError():
            return "the language model refused the key"
        case openai.NotFoundError():
            return "the language model server does not know this model"
        case openai.APIStatusError():
            return f"the language model answered with HTTP {error.status_code}"
        case _:
            return "the language model's answer could not be read"
