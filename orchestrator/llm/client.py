"""The language model, behind any server that speaks OpenAI's chat completions."""

import asyncio
import re
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Self

import openai
import structlog
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.completion import Answer
from orchestrator.llm.deadlines import Patience
from orchestrator.llm.failures import LanguageModelFailed, failures
from orchestrator.llm.optional_parameters import AS_IT_LIKES, NO_THINKING
from orchestrator.proxies import PAST_PROXIES
from orchestrator.settings import OrchestratorSettings

Stream = openai.AsyncStream[ChatCompletionChunk]

_CONNECT_LIMIT_S = 5.0
_MOST_NAMED = 5
"""Models, in a message that asks to choose one."""

_UNSUITABLE = (openai.BadRequestError, openai.UnprocessableEntityError)
"""How servers refuse parameters."""

_IN_VAIN = 3
"""How many answers of a model that has thought aloud are kept back in vain before it is taken to have changed."""
_THINKERS = re.compile(r"thinking|reasoner|qwq|(?:^|[^a-z])r1(?:[^a-z0-9]|$)", re.IGNORECASE)
"""Names of models whose prompt already begins a thought, so that an answer may begin in one."""

_log = structlog.get_logger()


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
        with failures():
            return [model.id async for model in self._client.models.list()]

    async def answers(self) -> bool:
        """Tell whether the server answers, and the model to ask is known, within two seconds."""
        try:
            with failures():
                async with asyncio.timeout(2.0):
                    await self.name()
                    await self._client.with_options(max_retries=1).models.list()
        except LanguageModelFailed as error:
            if error.message != self._trouble:
                _log.warning("the language model cannot be used", problem=error.message)
            self._trouble = error.message
            return False
        self._trouble = None
        return True

    async def words(self, messages: list[Message], temperature: float) -> AsyncGenerator[str, None]:
        """Stream the answer to `messages`, one word at a time, each with the space that goes before it.

        What the model thinks is left out; when it does so for long, the person is told. A request that fails before the
        first word is made once more, if that may help and there is time left. Raises `LanguageModelFailed`. Closing the
        iterator cancels the request.
        """
        patience = Patience(self._settings, asyncio.get_running_loop().time)
        tries_left = 2
        while True:
            tries_left -= 1
            try:
                async with aclosing(self._answer(messages, temperature, patience)) as words:
                    async for word in words:
                        yield word
            except LanguageModelFailed as error:
                pause = error.retry_after
                if patience.rewarded or not tries_left or pause is None or not patience.lasts(pause):
                    raise
                _log.info("asking the language model again", problem=error.message)
            else:
                return
            await asyncio.sleep(pause)

    async def _answer(
        self, messages: list[Message], temperature: float, patience: Patience
    ) -> AsyncGenerator[str, None]:
        with failures():
            async with patience.limit():
                stream = await self._ask(messages, temperature)
        answer = Answer(in_thought=self._in_vain > 0, after_words=patience.excused)
        with failures(lost="the language model broke off"):
            async with stream:
                while True:
                    # A limit may only be in force while this generator waits itself, never while its caller works.
                    async with patience.limit():
                        chunk = await anext(stream, None)
                    if chunk is None:
                        break
                    words = answer.hear(chunk)
                    self._learn(answer)
                    for word in words:
                        patience.rewarded = True
                        yield word
                    patience.renew(answer)
                    if patience.needs_excuse:
                        patience.excused = True
                        for word in answer.insert(self._settings.llm_thinking_text):
                            yield word
            for word in answer.finish():
                patience.rewarded = True
                yield word
        if answer.words and not answer.began_in_thought:
            self._in_vain_left = max(self._in_vain - 1, 0)
        answer.check()

    async def _ask(self, messages: list[Message], temperature: float) -> Stream:
        """Open the stream of an answer; what its server will not hear of is left out, and not asked for again."""
        model = await self.name()
        first_wishes = wishes = self._wishes
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
        if wishes != first_wishes:
            _log.info("the language model's server does not take every parameter", still_sent=wishes.parameters(0.0))
            self._wishes = wishes
        return stream

    # --- what is learned of its thinking --------------------------------------------------------------------------

    @property
    def _in_vain(self) -> int:
        if self._in_vain_left is None:
            return 1 if _THINKERS.search(self.known_name) else 0
        return self._in_vain_left

    def _learn(self, answer: Answer) -> None:
        if answer.thought and not self.thinks:
            self.thinks = True
            _log.warning("the language model thinks before it answers, and people wait meanwhile", model=self._model)
        if answer.began_in_thought:
            if self._in_vain == 0:
                _log.warning("the language model has thought aloud: its next answers wait for the end of a thought")
            self._in_vain_left = _IN_VAIN


def _wire(messages: Iterable[Message]) -> Iterable[ChatCompletionMessageParam]:
    for message in messages:
        match message.role:
            case Role.SYSTEM:
                yield {"role": "system", "content": message.text}
            case Role.USER:
                yield {"role": "user", "content": message.text}
            case Role.ASSISTANT:
                yield {"role": "assistant", "content": message.text}
