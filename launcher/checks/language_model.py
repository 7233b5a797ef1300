"""Whether the language model would answer."""

import asyncio
from contextlib import aclosing
from urllib.parse import urlsplit

import openai

from launcher.checks.check import Context
from mesh.engines.findings import Finding, advice, fine, wrong
from mesh.settings import load
from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings

_LIST_LIMIT_S = 10.0
_MOST_NAMES = 5
_RESPONDER = "the built-in responder answers by rules; for a model: parley up --llm auto, or set KYUTAI_LLM_URL"
_THINKS = "switch its thinking off at its server, or choose a model that does not; see docs/engines.md"
_KEY = "set KYUTAI_LLM_API_KEY to a key that this server accepts"


async def language_model(context: Context) -> list[Finding]:
    """Ask the server for its models, and the model for a word."""
    chosen = context.llm
    if chosen is None:
        return [fine("server", _RESPONDER)]
    settings = load(OrchestratorSettings, context.fitting, llm_url=chosen.url, llm_model=chosen.model)
    where = _without_secrets(chosen.url)
    async with LanguageModel(settings) as model:
        try:
            async with asyncio.timeout(_LIST_LIMIT_S):
                listed = await model.listed()
        except (LanguageModelFailed, TimeoutError) as error:
            return [_failed(error, "server", where)]
        return [fine("server", f"answers at {where} ({chosen.told_by})"), *await _asked(model, settings, listed)]


async def _asked(model: LanguageModel, settings: OrchestratorSettings, listed: list[str]) -> list[Finding]:
    names = ", ".join(listed[:_MOST_NAMES]) + (", …" if len(listed) > _MOST_NAMES else "")
    name = settings.llm_model
    if name is None and len(listed) != 1:
        if not listed:
            return [wrong("model", "the server lists no model", "load one into it, or name it in KYUTAI_LLM_MODEL")]
        return [wrong("model", f"the server lists {len(listed)}: {names}", f"choose one: KYUTAI_LLM_MODEL={listed[0]}")]
    unlisted = name is not None and name not in listed
    try:
        took_s = await _first_word(model)
    except LanguageModelFailed as error:
        if unlisted:
            remedy = f"set KYUTAI_LLM_MODEL to one that it lists: {names or 'none'}"
            return [wrong("model", f"{name} is not one of the server's, and {error}", remedy)]
        return [_failed(error, "model", name or listed[0])]
    answered = f"{name or listed[0]} began to answer after {took_s:.1f} s"
    if model.reasons:
        return [advice("model", f"{answered}, and thinks before it does: people wait meanwhile", _THINKS)]
    if unlisted:
        return [advice("model", f"{answered}, but the server does not list it", "nothing, if that is the one you mean")]
    return [fine("model", answered)]


async def _first_word(model: LanguageModel) -> float:
    """Seconds to the first word of an answer, of which no more is asked."""
    clock = asyncio.get_running_loop().time
    began = clock()
    async with aclosing(model.words([Message(Role.USER, "Say one word.")], temperature=0.0)) as words:
        async for _ in words:
            return clock() - began
    raise LanguageModelFailed("its answer was empty")


def _failed(error: LanguageModelFailed | TimeoutError, about: str, where: str) -> Finding:
    match error.__cause__:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return wrong(about, f"{where}: the key was refused, or there is none", _KEY)
        case openai.APITimeoutError() | TimeoutError():
            return wrong(about, f"{where}: no answer in time", "is it still loading its model? Try again, or another")
        case openai.APIConnectionError():
            return wrong(about, f"{where} cannot be reached", "start that server, or correct KYUTAI_LLM_URL or --llm")
        case openai.NotFoundError():
            return wrong(about, f"{where}: not found there (HTTP 404)", "correct KYUTAI_LLM_URL and KYUTAI_LLM_MODEL")
        case _:
            said = str(error) or "no answer in time"
            return wrong(about, f"{where}: {said}", "see that server's own log; is it an OpenAI-compatible server?")


def _without_secrets(url: str) -> str:
    """The address without user, password and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
