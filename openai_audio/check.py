"""Asks audio servers for `parley doctor` whether they are there, and whether they take the key."""

import asyncio

import httpx2
import msgspec

from mesh.engines.findings import Finding, advice, fine, wrong
from mesh.engines.server_urls import ServerUrl, parse_urls
from mesh.process.ports import authority
from openai_audio.refusals import refusal
from openai_audio.servers import MODELS
from openai_audio.settings import OpenAiAudioSettings

_ABOUT = "audio server"
_ANSWER_LIMIT_S = 3.0


class _Model(msgspec.Struct):
    id: str = ""


class _Models(msgspec.Struct):
    data: list[_Model] = []


async def check_servers(settings: OpenAiAudioSettings, model: str) -> list[Finding]:
    """One finding for each URL. Raises `BadTarget` for a URL that is none."""
    servers = parse_urls(settings.urls)
    prefix = settings.env_prefix
    headers = {"authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    async with httpx2.AsyncClient(trust_env=False, timeout=_ANSWER_LIMIT_S, headers=headers) as client:
        asked = (_answers(client, each, prefix, model, settings.api_key) for each in servers)
        return list(await asyncio.gather(*asked))


async def _answers(client: httpx2.AsyncClient, url: ServerUrl, prefix: str, model: str, key: str) -> Finding:
    address = authority(url.host, url.port)
    bare = url._replace(prefix=url.prefix.removesuffix("/v1"))
    try:
        answer = await client.get(bare.http(address, MODELS))
    except httpx2.HTTPError as error:
        return wrong(_ABOUT, f"{address} does not answer: {type(error).__name__}", f"start it, or change {prefix}URLS")
    if answer.status_code != httpx2.codes.OK:
        why = refusal(answer.status_code, answer.headers, answer.content, secret=key)
        return wrong(_ABOUT, f"{address}: {why.message}", f"see {prefix}URLS and {prefix}API_KEY")
    models = _listed(answer.content)
    if models and model not in models:
        some = ", ".join(sorted(models)[:8])
        return advice(_ABOUT, f"{address} answers, and does not list the model {model}", f"{prefix}MODEL: {some}")
    return fine(_ABOUT, f"{address} answers")


def _listed(body: bytes) -> set[str]:
    try:
        return {each.id for each in msgspec.json.decode(body, type=_Models).data}
    except (msgspec.DecodeError, RecursionError):
        return set()
