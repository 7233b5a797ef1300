"""Several language models behind one another: the next is asked when one fails, or is late with its first word."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self, TypeAlias

import msgspec
import structlog

from mesh.pool import FailedTry, Member, Outcome, Policy, Pool
from mesh.process.silence import PeerSilence
from mesh.times import loop_time
from orchestrator.conversation.transcript import Message
from orchestrator.llm.address import BadAddress
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import RETRY_AFTER_S, LanguageModelFailed
from orchestrator.llm.reply_limit import ReplyLimits
from orchestrator.settings import OrchestratorSettings

_log = structlog.get_logger()

_POLICY = Policy(first_rest_s=1.0, longest_rest_s=8.0, tries_resting=True, tries_down=True)

_HEDGE_AFTER_S = 2.0
"""How long a first word may take before the next model is asked as well. The one that writes first is kept."""


@dataclass(eq=False, kw_only=True)
class _Server(Member[int]):
    """One model, and its state. Its place is its rank."""

    model: LanguageModel


Words: TypeAlias = AsyncGenerator[str, None]


def language_model(settings: OrchestratorSettings) -> "AnyLanguageModel":
    """What the settings name: one model, or several. Raises `BadAddress`."""
    first, others = LanguageModel(settings), [LanguageModel(each) for each in fallbacks(settings)]
    return LanguageModels([first, *others]) if others else first


def fallbacks(settings: OrchestratorSettings) -> list[OrchestratorSettings]:
    """The settings of each further model. Raises `BadAddress` where their lists are not of one length."""
    urls = settings.llm_fallback_urls
    models: Sequence[str | None] = settings.llm_fallback_models or [None] * len(urls)
    keys = [None if key == "none" else key for key in settings.llm_fallback_api_keys] or [None] * len(urls)
    for name, given in ("MODELS", models), ("API_KEYS", keys):
        if len(given) != len(urls):
            raise BadAddress(
                f"PARLEY_LLM_FALLBACK_{name} has {len(given)} entries: expected one for each of {len(urls)} URLs"
            )
    return [
        msgspec.structs.replace(settings, llm_url=url, llm_model=model, llm_api_key=key)
        for url, model, key in zip(urls, models, keys, strict=True)
    ]


class LanguageModels:
    """`LanguageModel`s in the order in which they are preferred, used as one. The first gives its name and limits.

    A model that fails before its first word costs a moment. One that breaks off within its answer raises its error as
    ever, and asking for the rest asks another one.
    """

    def __init__(self, models: Sequence[LanguageModel]) -> None:
        """`models` are entered and closed together with this."""
        self._first = models[0]
        self._exits = AsyncExitStack()
        # Without chance the pool prefers, of those that are equally well, the one that is listed first.
        self._pool: Pool[int, _Server] = Pool(
            lambda place, backoff: _Server(place, backoff, model=models[place]), _POLICY, chance=lambda: 0.0
        )
        self._pool.set_places(range(len(models)), now=0.0)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            for server in self._pool.listed:
                await exits.enter_async_context(server.model)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._exits.aclose()

    @property
    def reply_limits(self) -> ReplyLimits:
        """How long a reply may be."""
        return self._first.reply_limits

    @property
    def slow_after_s(self) -> float:
        """After how many seconds without a word people are told that it is slow."""
        return self._first.slow_after_s

    @property
    def known_name(self) -> str:
        """The first model's name, as far as it is known without asking."""
        return self._first.known_name

    @property
    def chosen_name(self) -> str:
        """The first model's name; empty before it is known."""
        return self._first.chosen_name

    async def answers(self) -> bool:
        """Tell whether any of them can be used. Takes two seconds at most."""
        servers = self._pool.listed
        for server, is_up in zip(
            servers, await asyncio.gather(*(each.model.answers() for each in servers)), strict=True
        ):
            server.set_serving(is_up)
        return any(server.serving for server in servers)

    async def words(
        self,
        messages: list[Message],
        temperature: float,
        *,
        is_rest: bool = False,
        on_reasoning: Callable[[], None] = lambda: None,
    ) -> Words:
        """Stream the answer of one of them, as `LanguageModel.words` does. Raises `LanguageModelFailed`."""
        silence = PeerSilence(lambda: True)

        def reasons() -> None:
            silence.broken()
            on_reasoning()

        def ask(server: _Server, *, patient: bool) -> Words:
            return server.model.words(messages, temperature, is_rest=is_rest, on_reasoning=reasons, is_patient=patient)

        server, words, first = await self._first_to_write(ask, silence)
        try:
            if first is not None:
                yield first
            async for word in words:
                yield word
        except LanguageModelFailed as error:
            self._note(server, error)
            error.retry_after = error.retry_after or RETRY_AFTER_S  # of another one
            raise
        finally:
            await words.aclose()

    async def _first_to_write(
        self, ask: "Callable[..., Words]", silence: PeerSilence
    ) -> "tuple[_Server, Words, str | None]":
        """Ask one after the other, and a second one if the first is late. Return what writes first, and its word."""
        tried: list[_Server] = []
        asked: dict[asyncio.Task[str | None], tuple[_Server, Words]] = {}

        def ask_next() -> bool:
            server = self._pool.choose(loop_time(), tried)
            if server is None:
                return False
            tried.append(server)
            words = ask(server, patient=len(tried) == len(self._pool.listed))
            asked[asyncio.create_task(_next(words))] = server, words
            return True

        late = asyncio.create_task(silence.until(lambda: _HEDGE_AFTER_S))
        try:
            ask_next()
            while True:
                await asyncio.wait([*asked, *([] if late.done() else [late])], return_when=asyncio.FIRST_COMPLETED)
                for task in [each for each in asked if each.done()]:
                    server, words = asked.pop(task)
                    try:
                        word = task.result()
                    except LanguageModelFailed as error:
                        self._note(server, error)
                        if not ask_next() and not asked:
                            raise
                        _log.warning("a language model failed: another one is asked", problem=error.message)
                    else:
                        server.admitted()
                        return server, words, word
                if late.done() and len(tried) == 1 and ask_next():
                    _log.warning("a language model is late: another one is asked too")
        finally:
            late.cancel()
            await asyncio.gather(late, return_exceptions=True)
            await _closed(asked)

    def _note(self, server: _Server, error: LanguageModelFailed) -> None:
        server.failed(loop_time(), FailedTry(Outcome.FAILED, error), chance=0.0)


AnyLanguageModel: TypeAlias = LanguageModel | LanguageModels


async def _next(words: Words) -> str | None:
    return await anext(words, None)


async def _closed(asked: dict[asyncio.Task[str | None], tuple[_Server, Words]]) -> None:
    """Cancel the requests that are not needed any more."""
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    for _, words in asked.values():
        await words.aclose()
