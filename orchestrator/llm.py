"""The language model, behind any server that speaks OpenAI's chat completions."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import aclosing, contextmanager
from http import HTTPStatus
from typing import Any, Self

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from mesh.errors import UpstreamDown
from orchestrator.conversation.transcript import Message, Role
from orchestrator.proxies import PAST_PROXIES
from orchestrator.settings import OrchestratorSettings
from orchestrator.thoughts import Thoughts
from orchestrator.wishes import AS_IT_LIKES, NO_THINKING
from orchestrator.words import WordSplitter

Stream = openai.AsyncStream[ChatCompletionChunk]

_UNREADABLE = "the language model's answer could not be read"
_TOO_LONG = "the language model took too long"

_CONNECT_LIMIT_S = 5.0
_MOST_NAMED = 5
"""Models, in a message that asks to choose one."""

_AGAIN_AFTER_S = 0.1
"""How soon a request that failed may be made again: a kept connection may have been closed meanwhile."""
_LONGEST_PAUSE_S = 2.0
"""How long a server may ask to be left alone. Who is told to come back later than that apologises now."""
_PASSING = frozenset((HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS))
"""The refusals that, like any 5xx, may be over a moment later."""
_UNSUITABLE = (openai.BadRequestError, openai.UnprocessableEntityError)
"""How servers refuse parameters."""

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "reasoning_details", "thinking")
"""Where servers put a model's thoughts."""
_IN_VAIN = 3
"""How many answers of a model that has thought aloud are kept back in vain before it is taken to have changed."""
_THINKERS = re.compile(r"thinking|reasoner|qwq|(?:^|[^a-z])r1(?:[^a-z0-9]|$)", re.IGNORECASE)
"""Names of models whose prompt already begins a thought, so that an answer may begin in one."""

_log = structlog.get_logger()


class LanguageModelFailed(UpstreamDown):
    """The language model could not answer, or stopped in the middle.

    With `retry_after` set, asking again may help, so many seconds later.
    """

    default_reason = "LLM_FAILED"


class LanguageModel:
    """One server's model. Connections are kept between replies, so that none of them waits for a handshake."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        base = settings.llm_url.rstrip("/")
        self._client = openai.AsyncOpenAI(
            base_url=base if base.endswith("/v1") else f"{base}/v1",
            api_key=settings.llm_api_key or "none",
            http_client=openai.DefaultAsyncHttpxClient(mounts=PAST_PROXIES),
            max_retries=0,  # `words` knows better what may be asked again, and for how long
            timeout=openai.Timeout(
                max(settings.llm_first_token_s, settings.llm_next_token_s),  # the limits below are narrower
                connect=min(settings.llm_first_token_s, _CONNECT_LIMIT_S),
            ),
        )
        self._settings = settings
        self._model = settings.llm_model
        self._wishes = NO_THINKING if settings.llm_reasoning == "off" else AS_IT_LIKES
        self._in_vain_left: int | None = None
        """How many answers may still be kept back for a thought that does not come. None: only its name tells."""
        self._trouble: str | None = None
        self.thinks = False
        """It has been seen to think."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    @property
    def patience_s(self) -> float:
        """How many seconds it may keep a listener waiting, at any point of an answer, before it has failed."""
        limits = self._settings
        return max(limits.llm_first_token_s, limits.llm_next_token_s, limits.llm_thinking_s)

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
                names = ", ".join(listed[:_MOST_NAMED]) + (", …" if len(listed) > _MOST_NAMED else "")
                raise LanguageModelFailed(
                    f"the server lists {len(listed)} language models{names and f' ({names})'}: "
                    "name one of them in KYUTAI_LLM_MODEL"
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
        except LanguageModelFailed as error:
            if error.message != self._trouble:
                _log.warning("the language model cannot be used", problem=error.message)
            self._trouble = error.message
            return False
        self._trouble = None
        return True

    async def words(self, messages: list[Message], temperature: float) -> AsyncGenerator[str, None]:
        """Stream the answer to `messages`, one word at a time, each with the space that goes before it.

        What the model thinks is left out. A request that fails before the first word is made once more, if that may
        help and there is time left. Raises `LanguageModelFailed`. Closing the iterator cancels the request.
        """
        patience = _Patience(self._settings)
        tries_left = 2
        while True:
            tries_left -= 1
            try:
                async with aclosing(self._answer(messages, temperature, patience)) as words:
                    async for word in words:
                        yield word
            except LanguageModelFailed as error:
                pause = error.retry_after
                if patience.words or not tries_left or pause is None or not patience.lasts(pause):
                    raise
                _log.info("asking the language model again", problem=error.message, cause=error.cause())
            else:
                return
            await asyncio.sleep(pause)

    async def _answer(
        self, messages: list[Message], temperature: float, patience: "_Patience"
    ) -> AsyncGenerator[str, None]:
        splitter, finish_reason = WordSplitter(), None
        with _failures():
            async with patience.limit():
                stream = await self._ask(messages, temperature)
            thoughts = Thoughts(unopened=self._may_begin_in_thought)
            async with stream:
                while True:
                    # A limit may only be in force while this generator waits itself, never while its caller works.
                    async with patience.limit():
                        chunk = await anext(stream, None)
                    if chunk is None:
                        break
                    text, thought, finish_reason = _read(chunk, finish_reason)
                    if thought and thoughts.withholds:  # It has a place for its thoughts, so this text holds none.
                        thoughts = Thoughts()
                    was_thought = thoughts.unopened
                    heard = thoughts.feed(text)
                    if thoughts.unopened and not was_thought:
                        splitter = WordSplitter()
                        splitter.feed(" " if patience.words else "")
                        self._note_unopened(already_given=patience.words > 0)
                    for word in splitter.feed(heard):
                        patience.words += 1
                        yield word
                    if thought or thoughts.found:
                        self._note_thought()
                    if text or thought:
                        patience.renew(thinking=thought or thoughts.thinking)
            # A thought may be expected and be cut off: then all that was kept was one.
            rest = "" if thoughts.withholds and finish_reason == "length" else thoughts.finish()
            for word in (*splitter.feed(rest), *splitter.finish()):
                patience.words += 1
                yield word
            if patience.words and not thoughts.unopened:
                self._in_vain_left = max(self._in_vain - 1, 0)
            _check(finish_reason, said=patience.words > 0, thought=thoughts.found or patience.thinking)

    async def _ask(self, messages: list[Message], temperature: float) -> Stream:
        """Open the stream of an answer; what its server will not hear of is left out, and not asked for again."""
        model, wishes = await self.name(), self._wishes
        while True:
            try:
                stream: Stream = await self._client.chat.completions.create(
                    model=model,
                    messages=list(_wire(messages)),
                    stream=True,
                    extra_body={**wishes.parameters(temperature), **(self._settings.llm_extra_body or {})},
                )
            except _UNSUITABLE as error:
                fewer = wishes.fewer(error.response.text)
                if fewer is None:
                    raise
                wishes = fewer
            else:
                break
        if wishes != self._wishes:
            _log.info("the language model's server does not take every parameter", still_sent=wishes.parameters(0.0))
            self._wishes = wishes
        return stream

    # --- what is learned of its thinking --------------------------------------------------------------------------

    @property
    def _in_vain(self) -> int:
        if self._in_vain_left is None:
            return 1 if _THINKERS.search(self.known_name) else 0
        return self._in_vain_left

    @property
    def _may_begin_in_thought(self) -> bool:
        return self._in_vain > 0

    def _note_unopened(self, *, already_given: bool) -> None:
        self._in_vain_left = _IN_VAIN
        if already_given:
            _log.warning("the language model has thought aloud: from now on its answers wait for the end of a thought")

    def _note_thought(self) -> None:
        if not self.thinks:
            _log.warning("the language model thinks before it answers, and people wait meanwhile", model=self._model)
        self.thinks = True


class _Patience:
    """How long a server is waited for: one limit until the first word, however often it is asked, then between two.

    A model that thinks shows that it is alive, and gets more time.
    """

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.words = 0
        """Given so far."""
        self.thinking = False
        """It has been seen to think, and has not said a word."""
        self._settings = settings
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._deadline = self._began + settings.llm_first_token_s

    def limit(self) -> asyncio.Timeout:
        return asyncio.timeout_at(self._deadline)

    def lasts(self, seconds: float) -> bool:
        """Whether it lasts that much longer."""
        return self._clock() + seconds < self._deadline

    def renew(self, *, thinking: bool) -> None:
        """There was a sign of life."""
        self._deadline = self._clock() + self._settings.llm_next_token_s
        self.thinking = thinking and not self.words
        if self.thinking:
            self._deadline = min(self._deadline, self._began + self._settings.llm_thinking_s)


def _read(chunk: ChatCompletionChunk, finish_reason: str | None) -> tuple[str, bool, str | None]:
    """Return the text of a chunk, whether it is a sign of thinking, and how the answer ended, if it has.

    Servers also send chunks without choices, or with null for content, or (Mistral) with a list of parts.
    """
    if not chunk.choices:
        return "", False, finish_reason
    choice = chunk.choices[0]
    extra = choice.delta.model_extra or {}
    thought = any(extra.get(field) for field in _THOUGHT_FIELDS)
    content: Any = choice.delta.content or ""
    if isinstance(content, list):
        thought = thought or any(part["type"] != "text" for part in content)
        content = "".join(part["text"] for part in content if part["type"] == "text")
    if not isinstance(content, str):
        raise TypeError(f"the content of a chunk is a {type(content).__name__}")
    return content, thought, choice.finish_reason or finish_reason


def _check(finish_reason: str | None, *, said: bool, thought: bool) -> None:
    """Raise `LanguageModelFailed` for an answer that has ended, but not as it should."""
    match finish_reason:
        case "length":
            raise LanguageModelFailed("the language model reached its limit of tokens")
        case "content_filter":
            raise LanguageModelFailed("the language model's server withheld its answer")
        case None if not said and not thought:
            raise LanguageModelFailed("the language model's answer was empty", retry_after=_AGAIN_AFTER_S)
    if thought and not said:
        raise LanguageModelFailed("the language model thought, and said nothing")


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
        raise LanguageModelFailed(_TOO_LONG) from error
    except openai.OpenAIError as error:
        raise LanguageModelFailed(_described(error), retry_after=_pause(error)) from error
    except (
        AttributeError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:  # `openai` trusts a server to send what it should
        raise LanguageModelFailed(_UNREADABLE, retry_after=_AGAIN_AFTER_S) from error


def _described(error: openai.OpenAIError) -> str:
    """Say what went wrong without repeating what the server said: its text may hold the prompt or the key."""
    match error:
        case openai.APITimeoutError():
            return _TOO_LONG
        case openai.APIConnectionError():
            return "the language model cannot be reached"
        case openai.AuthenticationError():
            return "the language model refused the key"
        case openai.NotFoundError():
            return "the language model server does not know this model"
        case openai.RateLimitError():
            return "the language model has too much to do"
        case openai.APIStatusError():
            return f"the language model answered with HTTP {error.status_code}"
        case openai.APIError():
            return "the language model broke off with an error"
        case _:
            return _UNREADABLE


def _pause(error: openai.OpenAIError) -> float | None:
    """Say how many seconds later asking again may help; None: it will not."""
    if isinstance(error, openai.APITimeoutError) and not isinstance(error.__cause__, httpx2.ConnectTimeout):
        return None  # Whoever asks again goes to the end of the queue.
    if not isinstance(error, openai.APIStatusError):
        return _AGAIN_AFTER_S
    if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR and error.status_code not in _PASSING:
        return None
    asked = _seconds(error.response.headers.get("retry-after"))
    return None if asked > _LONGEST_PAUSE_S else max(asked, _AGAIN_AFTER_S)


def _seconds(retry_after: str | None) -> float:
    """Read a `Retry-After`; one that is a date is long."""
    try:
        return float(retry_after or 0)
    except ValueError:
        return float("inf")
