"""The language model, behind any server that speaks OpenAI's chat completions."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from typing import Self

import openai
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from mesh.errors import UpstreamDown
from orchestrator.conversation.transcript import Message, Role
from orchestrator.proxies import PAST_PROXIES
from orchestrator.settings import OrchestratorSettings
from orchestrator.words import WordSplitter

_UNREADABLE = "the language model's answer could not be read"


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
            http_client=openai.DefaultAsyncHttpxClient(mounts=PAST_PROXIES),
            max_retries=1,  # a kept connection may have been closed meanwhile; never after the first token
            timeout=max(settings.llm_first_token_s, settings.llm_next_token_s),  # the limits below are narrower
        )
        self._model = settings.llm_model
        self._first_token_s = settings.llm_first_token_s
        self._next_token_s = settings.llm_next_token_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    @property
    def patience_s(self) -> float:
        """How many seconds it may keep a listener waiting, at any point of an answer, before it has failed."""
        return max(self._first_token_s, self._next_token_s)

    @property
    def known_name(self) -> str:
        """The model's name, as far as it is known without asking."""
        return self._model or "of unknown name"

    async def name(self) -> str:
        """Return the model's name: the configured one, or the only one the server lists. Asked once.

        Raises `LanguageModelFailed` when the server cannot be asked, or lists more than one or none.
        """
        if self._model is None:
            listed = await self.listed()
            if len(listed) != 1:
                raise LanguageModelFailed(
                    f"the server lists {len(listed)} language models: name one of them in KYUTAI_LLM_MODEL"
                )
            self._model = listed[0]
        return self._model

    async def listed(self) -> list[str]:
        """Return the names of the server's models, as it lists them. Raises `LanguageModelFailed`."""
        with _failures():
            return [model.id async for model in self._client.models.list()]

    async def answers(self) -> bool:
        """Tell whether the server answers, and the model to ask is known, within two seconds."""
        try:
            with _failures():
                async with asyncio.timeout(2.0):
                    await self.name()
                    await self._client.models.list()
        except LanguageModelFailed:
            return False
        return True

    async def words(self, messages: list[Message], temperature: float) -> AsyncGenerator[str, None]:
        """Stream the answer to `messages`, one word at a time, each with the space that goes before it.

        Raises `LanguageModelFailed`. Closing the iterator cancels the request.
        """
        splitter = WordSplitter()
        async with aclosing(self._deltas(messages, temperature)) as deltas:
            async for text in deltas:
                for word in splitter.feed(text):
                    yield word
        for word in splitter.finish():
            yield word

    async def _deltas(self, messages: list[Message], temperature: float) -> AsyncGenerator[str, None]:
        clock = asyncio.get_running_loop().time
        with _failures():
            deadline = clock() + self._first_token_s
            async with asyncio.timeout_at(deadline):
                stream = await self._client.chat.completions.create(
                    model=await self.name(),
                    messages=list(_wire(messages)),
                    temperature=temperature,
                    stream=True,
                )
            async with stream:
                while True:
                    # A limit may only be in force while this generator waits itself, never while its caller works.
                    async with asyncio.timeout_at(deadline):
                        chunk = await anext(stream, None)
                    if chunk is None:
                        return
                    if text := _text(chunk):
                        yield text
                    deadline = clock() + self._next_token_s


def _text(chunk: ChatCompletionChunk) -> str:
    """Return the text of a chunk; servers also send chunks without choices, or with null for content."""
    content = (chunk.choices[0].delta.content or "") if chunk.choices else ""
    if not isinstance(content, str):
        raise TypeError(f"the content of a chunk is a {type(content).__name__}")
    return content


def _wire(messages: Iterable[Message]) -> Iterable[ChatCompletionMessageParam]:
    for message in messages:
        match message.role:
            case Role.SYSTEM:
                yield {"role": "system", "content": message.text}
            case Role.USER:
                yield {"role": "user", "content": message.text}
            case Role.ASSISTANT:
                yield {"role": "assistant", "content": message.text}


@contextmanager
def _failures() -> Iterator[None]:
    """Raise `LanguageModelFailed` for whatever goes wrong with the server meanwhile."""
    try:
        yield
    except TimeoutError as error:
        raise LanguageModelFailed("the language model took too long") from error
    except openai.OpenAIError as error:
        raise LanguageModelFailed(_described(error)) from error
    except (AttributeError, TypeError, ValueError) as error:  # `openai` trusts a server to send what it should
        raise LanguageModelFailed(_UNREADABLE) from error


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
            return _UNREADABLE
