"""The language model, behind any server that speaks OpenAI's chat completions."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, Self

import httpx2
import openai
import structlog
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from mesh.times import loop_time
from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.address import parse_address, parse_key
from orchestrator.llm.availability import NO_LIST, Availability
from orchestrator.llm.completion import CompletionParser, in_pieces
from orchestrator.llm.connection import Trouble, http_client
from orchestrator.llm.conversation_shape import ConversationShape, is_about_length
from orchestrator.llm.deadlines import ResponseDeadlines
from orchestrator.llm.failures import RETRY_AFTER_S, LanguageModelFailed, failures
from orchestrator.llm.optional_parameters import REASONING_DEFAULT, REASONING_OFF
from orchestrator.llm.reply_limit import ReplyLimits
from orchestrator.llm.response import ErrorInAnswer, ResponseReader
from orchestrator.settings import OrchestratorSettings

Stream = openai.AsyncStream[ChatCompletionChunk]

_BROKEN_OFF = "the language model broke off"
_CONNECT_LIMIT_S = 5.0
_MOST_NAMED = 5
"""Models, in a message that asks to choose one."""

_RESTART_S, _RESTART_PAUSE_S = 3.5, 0.25
"""For how long a server that was up lately and takes no request is expected to be restarting, and how often it is
tried."""

_UNSUITABLE = (openai.BadRequestError, openai.UnprocessableEntityError)
"""How servers refuse parameters."""

_AFTER_ENDING_S = 0.3
"""How long more is waited for after an answer's finish reason: some servers never say that it was all."""

_BUFFERED_ANSWERS = 3
"""Answers that are buffered after one that began inside reasoning, until one begins so again."""
_REASONING_MODELS = re.compile(r"thinking|reasoner|qwq|(?:^|[^a-z])r1(?:[^a-z0-9]|$)", re.IGNORECASE)
"""Names of models whose prompt already opens reasoning, so an answer may begin inside it."""

_log = structlog.get_logger()


class LanguageModel:
    """One server's model. Connections are kept between replies, so that none of them waits for a handshake.

    Raises `BadAddress` for an address, a key, a proxy or certificates that cannot be used.
    """

    def __init__(self, settings: OrchestratorSettings) -> None:
        self.address = parse_address(settings.llm_url)
        key = parse_key(settings.llm_api_key) if settings.llm_api_key else "none"
        headers: dict[str, Any] = {}
        if self.address.key_header:
            headers = {self.address.key_header: key, "Authorization": openai.Omit()}
        self._client = openai.AsyncOpenAI(
            base_url=self.address.base_url,
            api_key=key,
            default_query=self.address.query,
            default_headers=headers,
            http_client=http_client(self.address, settings.llm_ca_file),
            max_retries=0,  # `words` knows better what may be asked again, and for how long
            timeout=openai.Timeout(
                max(settings.llm_first_token_s, settings.llm_next_token_s),  # the limits below are narrower
                connect=min(settings.llm_first_token_s, _CONNECT_LIMIT_S),
            ),
        )
        self._settings = settings
        self.reply_limits = ReplyLimits(settings.llm_reply_words, settings.llm_reply_s)
        self._model = settings.llm_model or self.address.deployment
        self._model_is_told = self._model is not None
        self._optional = REASONING_OFF if settings.llm_reasoning == "off" else REASONING_DEFAULT
        self._shape = ConversationShape()
        self._buffered_left: int | None = None
        """How many answers are still buffered, to see whether they begin inside reasoning. None: its name decides."""
        self._availability = Availability(self.address)
        self.reasons = False
        """It has been seen to reason."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    @property
    def longest_wait_s(self) -> float:
        """The longest time in seconds between two words of an answer, or before the first, before it has failed."""
        limits = self._settings
        return max(limits.llm_first_token_s, limits.llm_next_token_s, limits.llm_thinking_s)

    @property
    def slow_after_s(self) -> float:
        """After how many seconds without a word people are told that it is slow."""
        return self._settings.llm_slow_s

    @property
    def known_name(self) -> str:
        """The model's name, as far as it is known without asking."""
        return self.chosen_name or "of unknown name"

    @property
    def chosen_name(self) -> str:
        """The model's name; empty before it is known."""
        return self._model or ""

    async def name(self) -> str:
        """Return the model's name: the configured one, or the only one the server lists. Asked once.

        Raises `LanguageModelFailed` when the server cannot be asked, or lists more than one or none.
        """
        if self._model is None:
            try:
                listed = await self.listed()
            except LanguageModelFailed as error:
                if error.status not in NO_LIST:
                    raise
                raise LanguageModelFailed(
                    f"the server does not list its models (HTTP {error.status}): name one of them in KYUTAI_LLM_MODEL"
                ) from error.__cause__
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
        with failures():
            return [model.id async for model in self._client.models.list()]

    # --- whether it can be used -----------------------------------------------------------------------------------

    async def answers(self) -> bool:
        """Tell whether the server can be used and the model to ask is known. Takes two seconds at most.

        It may be asked as often as one likes: the server is asked only when that is due.
        """
        known = self._model is not None
        return await self._availability.check(self.listed if known else self.name, model_known=known)

    def _request_failed(self, error: LanguageModelFailed) -> None:
        if error.status == HTTPStatus.NOT_FOUND and not self._model_is_told:
            self._model = None  # it serves another one by now: its list will tell
        self._availability.request_failed(error, model_known=self._model is not None)

    # --- its answers ----------------------------------------------------------------------------------------------

    async def words(
        self,
        messages: list[Message],
        temperature: float,
        *,
        is_rest: bool = False,
        on_reasoning: Callable[[], None] = lambda: None,
        is_patient: bool = True,
    ) -> AsyncGenerator[str, None]:
        """Stream the answer to `messages`, one word at a time, each with the space that goes before it.

        `is_rest`: the last message is the assistant's, and the rest of it is wanted, soon. `on_reasoning` is called
        whenever the model shows that it reasons. Without `is_patient`, a server out of reach is not waited for.

        The model's reasoning is left out; when it takes long, the person is told. A request that fails before the first
        word is made once more, if that may help and there is time left. A server that was up lately and refuses
        or resets connections is given time to restart, and one that takes none in time is tried again. Raises
        `LanguageModelFailed`. Closing the iterator cancels the request.
        """
        deadlines = ResponseDeadlines(self._settings, asyncio.get_running_loop().time, is_rest=is_rest)
        tries_left = 2
        back_by = loop_time() + _RESTART_S if is_patient and self._availability.was_up_lately else 0.0
        while True:
            tries_left -= 1
            try:
                async with aclosing(self._answer(messages, temperature, deadlines, on_reasoning)) as words:
                    async for word in words:
                        yield word
            except LanguageModelFailed as error:
                pause = error.retry_after
                if deadlines.got_first_word and error.is_late:
                    error.retry_after = RETRY_AFTER_S
                if error.was_not_taken and loop_time() < back_by:
                    tries_left, pause = max(tries_left, 1), _RESTART_PAUSE_S
                elif is_patient and error.trouble is Trouble.TIMEOUT:
                    # No connection was made, so the server has not been sent the request.
                    tries_left = max(tries_left, 1)
                if deadlines.got_first_word or not tries_left or pause is None or not deadlines.allows(pause):
                    self._request_failed(error)
                    raise
                _log.info("asking the language model again", problem=error.message)
            else:
                return
            await asyncio.sleep(pause)

    async def _answer(
        self,
        messages: list[Message],
        temperature: float,
        deadlines: ResponseDeadlines,
        on_reasoning: Callable[[], None],
    ) -> AsyncGenerator[str, None]:
        with failures():
            async with deadlines.limit():
                stream = await self._ask(messages, temperature)
        answer = CompletionParser(starts_in_reasoning=self._buffered_answers > 0, after_words=deadlines.after_words)
        with failures(lost=_BROKEN_OFF):
            async with stream:
                while not answer.ended and (chunk := await _next(stream, answer, deadlines)):
                    for number, piece in enumerate(in_pieces(chunk)):
                        if number:
                            await asyncio.sleep(0)  # a long chunk must not keep the others waiting
                        words = answer.feed(piece)
                        self._learn(answer)
                        for word in words:
                            self._got_word(deadlines)
                            yield word
                    deadlines.extend(answer)
                    if answer.alive and answer.reasoning:
                        on_reasoning()
                    if deadlines.should_announce:
                        deadlines.announced = True
                        for word in answer.insert(self._settings.llm_thinking_text):
                            yield word
                for word in answer.finish():
                    self._got_word(deadlines)
                    yield word
        if answer.words and not answer.began_in_reasoning:
            self._buffered_left = max(self._buffered_answers - 1, 0)
        answer.check(done=stream.done)

    def _got_word(self, deadlines: ResponseDeadlines) -> None:
        if not deadlines.got_first_word:
            deadlines.got_first_word = True
            self._availability.request_answered()

    async def _ask(self, messages: list[Message], temperature: float) -> ResponseReader:
        """Open the stream of an answer, and wait for its first chunk.

        A parameter that its server refuses is left out; a conversation that it refuses is cut or told otherwise. Both
        are remembered once the server has answered.
        """
        model = await self.name()
        first_try, optional = self._shape, self._optional
        shape = first_try
        while True:
            shown = shape.shown(messages)
            try:
                stream: Stream = await self._client.chat.completions.create(
                    model=model,
                    messages=[],
                    stream=True,
                    extra_body={
                        # Here, because the client walks through every field of what comes as an argument: a tenth of
                        # what an orchestrator's interpreter did.
                        "messages": list(_wire(shown)),
                        **optional.parameters(temperature),
                        **(self._settings.llm_extra_body or {}),
                    },
                )
                reader = await _begun(stream)
            except (openai.APIStatusError, ErrorInAnswer) as error:
                refusal = error.text if isinstance(error, ErrorInAnswer) else error.response.text
                adapted = shape.without_rejected(refusal, shown)
                if adapted is None and isinstance(error, _UNSUITABLE):
                    adapted = shape.without_begun_answer(shown)
                if adapted is not None:
                    shape = adapted
                    continue
                if is_about_length(refusal):
                    raise LanguageModelFailed("what the language model should read is too long for it") from error
                remaining = optional.without_rejected(refusal) if isinstance(error, _UNSUITABLE) else None
                if remaining is None:
                    raise
                optional = remaining
            else:
                break
        if optional != self._optional:
            _log.info("the language model's server does not take every parameter", still_sent=optional.parameters(0.0))
            self._optional = optional
        if shape != first_try:
            _log.info(
                "the language model's server does not take every conversation",
                characters=shape.most_characters,
                system_role=shape.system_role,
            )
            self._shape = shape
        return reader

    # --- whether it reasons ---------------------------------------------------------------------------------------

    @property
    def _buffered_answers(self) -> int:
        if self._buffered_left is None:
            return 1 if _REASONING_MODELS.search(self.known_name) else 0
        return self._buffered_left

    def _learn(self, answer: CompletionParser) -> None:
        if answer.reasoned and not self.reasons:
            self.reasons = True
            _log.warning("the language model reasons before it answers, and people wait meanwhile", model=self._model)
        if answer.began_in_reasoning:
            if self._buffered_answers == 0:
                _log.warning("the language model reasoned aloud: its next answers wait for the end of its reasoning")
            self._buffered_left = _BUFFERED_ANSWERS


async def _begun(stream: Stream) -> ResponseReader:
    """Wait for the first chunk, so that an error in its place is met like a refusal. Raises `ErrorInAnswer`."""
    reader = ResponseReader(stream.response)
    try:
        await reader.begin()
    except httpx2.TransportError:
        await stream.close()
        with failures(lost=_BROKEN_OFF):
            raise
    except BaseException:
        await stream.close()
        raise
    return reader


async def _next(
    stream: ResponseReader, answer: CompletionParser, deadlines: ResponseDeadlines
) -> dict[str, Any] | None:
    """Return the next chunk; None at the end. An answer that has its finish reason cannot fail any more.

    A limit may only be in force while the client waits itself, never while whoever takes its words works.
    """
    if not answer.finished:
        async with deadlines.limit():
            return await stream.next()
    try:
        async with asyncio.timeout(_AFTER_ENDING_S):
            return await stream.next()
    except (TimeoutError, ValueError, TypeError, httpx2.HTTPError):
        return None


def _wire(messages: Iterable[Message]) -> Iterable[ChatCompletionMessageParam]:
    for message in messages:
        match message.role:
            case Role.SYSTEM:
                yield {"role": "system", "content": message.text}
            case Role.USER:
                yield {"role": "user", "content": message.text}
            case Role.ASSISTANT:
                yield {"role": "assistant", "content": message.text}
