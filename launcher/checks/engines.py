"""Whether the engines that were chosen work: embedded ones are tried, moshi-servers are asked."""

import asyncio

import httpx2

from launcher.checks.check import Context, Finding, fine, wrong
from launcher.checks.trial import attempt
from launcher.engines import RECOGNISER, VOICE, EmbeddedEngine
from mesh.extras import MissingExtra
from mesh.ports import authority
from mesh.settings import load
from moshi_client.probe import BUILD_INFO
from moshi_client.urls import ServerUrl, parse_urls
from stt_proxy.settings import SttSettings
from tts_proxy.settings import TtsSettings

_LIMIT_S = 45.0
"""Half a second is usual; a busy machine with slow disks may need much longer."""

_ANSWER_LIMIT_S = 3.0


async def recogniser(context: Context) -> list[Finding]:
    """Load the embedded recogniser, and have it hear silence; or ask the moshi-servers."""
    told = load(SttSettings, context.fitting)
    if told.chosen_engine == "moshi":
        return await _asked(parse_urls(told.server_urls), "KYUTAI_STT_URL")
    return [await _tried(RECOGNISER, "recogniser", context)]


async def voice(context: Context) -> list[Finding]:
    """Have the embedded voice say a word; or ask the moshi-servers."""
    told = load(TtsSettings, context.fitting)
    if told.chosen_engine == "moshi":
        return await _asked(parse_urls(told.server_urls), "KYUTAI_TTS_URL")
    return [await _tried(VOICE, "voice", context)]


async def _asked(urls: list[ServerUrl], variable: str) -> list[Finding]:
    async with httpx2.AsyncClient(trust_env=False, timeout=_ANSWER_LIMIT_S) as client:
        return list(await asyncio.gather(*(_answers(client, url, variable) for url in urls)))


async def _answers(client: httpx2.AsyncClient, url: ServerUrl, variable: str) -> Finding:
    address = authority(url.host, url.port)
    try:
        answer = await client.get(url.http(address, BUILD_INFO))
    except httpx2.HTTPError as error:
        return wrong(
            "moshi-server", f"{address} does not answer: {type(error).__name__}", f"start it, or change {variable}"
        )
    if answer.status_code != httpx2.codes.OK:
        return wrong(
            "moshi-server",
            f"{address} answers {BUILD_INFO} with {answer.status_code}",
            f"is that a moshi-server? See {variable}",
        )
    return fine("moshi-server", f"{address} answers")


async def _tried(engine: EmbeddedEngine, trial: str, context: Context) -> Finding:
    about = engine.name.removeprefix("the ")
    try:
        engine.check_installed()
    except MissingExtra as error:
        return wrong(
            about,
            f"needs packages that are not installed: {', '.join(error.packages)}",
            f"pip install 'parley[{error.extra}]'",
        )
    outcome = await attempt(["-m", f"launcher.checks.trials.{trial}"], context.fitting, limit_s=_LIMIT_S)
    if outcome.failure is None:
        return fine(about, f"{outcome.said}, in {outcome.took_s:.1f} s")
    names = " ".join(module.replace("_", "-") for module in engine.modules)
    return wrong(about, f"does not work: {outcome.failure}", f"pip install --force-reinstall {names}")
