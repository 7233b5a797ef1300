"""Asks moshi-servers for `parley doctor` whether they are there."""

import asyncio
from collections.abc import Sequence

import httpx2

from mesh.engines.findings import Finding, fine, wrong
from mesh.engines.server_urls import ServerUrl, parse_urls
from mesh.process.ports import authority
from moshi_client.probe import BUILD_INFO

_ANSWER_LIMIT_S = 3.0


async def check_servers(urls: Sequence[str], variable: str) -> list[Finding]:
    """One finding for each URL, which `variable` names. Raises `BadTarget` for a URL that is none."""
    servers = parse_urls(urls)
    async with httpx2.AsyncClient(trust_env=False, timeout=_ANSWER_LIMIT_S) as client:
        return list(await asyncio.gather(*(_answers(client, server, variable) for server in servers)))


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
