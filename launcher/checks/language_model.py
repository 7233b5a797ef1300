"""Whether the language model would answer."""

import asyncio
from contextlib import aclosing
from http import HTTPStatus

from launcher.checks.check import Context
from mesh.engines.findings import Finding, advice, fine, wrong
from mesh.settings import load
from mesh.text.masking import masked
from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.address import BadAddress
from orchestrator.llm.availability import NO_LIST
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.connection import Trouble, trouble
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.llm.several import fallbacks
from orchestrator.settings import OrchestratorSettings

_LIST_LIMIT_S = 10.0
_MOST_NAMES = 5
_RESPONDER = "the built-in responder answers by rules; for a model: parley up --llm auto, or set KYUTAI_LLM_URL"
_THINKS = "switch its thinking off at its server, or choose a model that does not; see docs/engines.md"
_PATH = (
    "correct the path in KYUTAI_LLM_URL or --llm: give the whole endpoint, up to /chat/completions; "
    "if that server does not list its models, name one in KYUTAI_LLM_MODEL"
)
_MODEL = "correct KYUTAI_LLM_MODEL, and the path in KYUTAI_LLM_URL"
_KEY = "set KYUTAI_LLM_API_KEY to a key that this server accepts"


async def language_model(context: Context) -> list[Finding]:
    """Ask the server for its models, and the model for a word."""
    chosen = context.llm
    if chosen is None:
        return [fine("server", _RESPONDER)]
    settings = load(OrchestratorSettings, context.fitting, llm_url=chosen.url, llm_model=chosen.model)
    findings = await _server(settings, chosen.told_by)
    try:
        others = fallbacks(settings)
    except BadAddress as error:
        return [*findings, wrong("server", str(error), "correct the variable that is named")]
    for each in others:
        findings += await _server(each, "PARLEY_LLM_FALLBACK_URLS")
    return findings


async def _server(settings: OrchestratorSettings, told_by: str) -> list[Finding]:
    """What is found at one server, which `told_by` names."""
    try:
        model = LanguageModel(settings)
    except BadAddress as error:
        url = masked(settings.llm_url)
        return [wrong("server", f"{url}: {error}", "correct the variable or the option that is named")]
    where = model.address.shown
    async with model:
        try:
            async with asyncio.timeout(_LIST_LIMIT_S):
                listed = await model.listed()
        except LanguageModelFailed as error:
            if error.status in NO_LIST and model.chosen_name:
                return await _asked_unlisted(model, error.status, where)
            return [_failed(error, "server", where)]
        except TimeoutError as error:
            return [_failed(error, "server", where)]
        return [fine("server", f"answers at {where} ({told_by})"), *await _asked(model, settings, listed)]


async def _asked_unlisted(model: LanguageModel, status: int | None, where: str) -> list[Finding]:
    """Ask a server for a word that does not list its models. Whether it is one at all, the answer tells."""
    name = model.chosen_name
    try:
        took_s = await _first_word(model)
    except LanguageModelFailed as error:
        return [_failed(error, "model", f"{name} at {where}")]
    server = fine("server", f"answers at {where}, and does not list its models (HTTP {status})")
    return [server, _answered(model, f"{name} began to answer after {took_s:.1f} s")]


def _answered(model: LanguageModel, answered: str) -> Finding:
    if model.reasons:
        return advice("model", f"{answered}, and thinks before it does: people wait meanwhile", _THINKS)
    return fine("model", answered)


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
    if unlisted and not model.reasons:
        return [advice("model", f"{answered}, but the server does not list it", "nothing, if that is the one you mean")]
    return [_answered(model, answered)]


async def _first_word(model: LanguageModel) -> float:
    """Seconds to the first word of an answer, of which no more is asked."""
    clock = asyncio.get_running_loop().time
    began = clock()
    async with aclosing(model.words([Message(Role.USER, "Say one word.")], temperature=0.0)) as words:
        async for _ in words:
            return clock() - began
    raise LanguageModelFailed("its answer was empty")


def _failed(error: LanguageModelFailed | TimeoutError, about: str, where: str) -> Finding:
    status = error.status if isinstance(error, LanguageModelFailed) else None
    why = error.trouble if isinstance(error, LanguageModelFailed) else trouble(error)
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return wrong(about, f"{where}: the key was refused, or there is none (HTTP {status})", _KEY)
        case HTTPStatus.NOT_FOUND | HTTPStatus.METHOD_NOT_ALLOWED:
            return wrong(about, f"{where}: not found there (HTTP {status})", _PATH if about == "server" else _MODEL)
    if why is Trouble.TIMEOUT:
        return wrong(about, f"{where}: {why.what}", why.remedy)
    if why is not None:
        return wrong(about, f"{where} cannot be reached: {why.what}", why.remedy)
    said = str(error) or "no answer in time"
    return wrong(about, f"{where}: {said}", "see that server's own log; is it an OpenAI-compatible server?")
