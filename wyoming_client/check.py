"""Asks Wyoming servers for `parley doctor` what they offer."""

import asyncio
from collections.abc import Sequence

from mesh.engines.findings import Finding, fine, wrong
from mesh.errors import MeshError
from mesh.process.ports import authority
from wyoming_client.connection import connected
from wyoming_client.servers import Service, describe
from wyoming_client.settings import WyomingUrl, parse_urls

_ABOUT = "Wyoming server"
_ANSWER_LIMIT_S = 3.0


async def check_servers(urls: Sequence[str], service: Service, variable: str) -> list[Finding]:
    """One finding for each URL, which `variable` names. Raises `BadTarget` for a URL that is none."""
    return list(await asyncio.gather(*(_answers(each, service, variable) for each in parse_urls(urls))))


async def _answers(url: WyomingUrl, service: Service, variable: str) -> Finding:
    address = authority(url.host, url.port)
    try:
        async with asyncio.timeout(_ANSWER_LIMIT_S), connected(url.target) as connection:
            found = await describe(connection)
    except (MeshError, TimeoutError) as error:
        return wrong(_ABOUT, f"{address}: {error or 'no answer in time'}", f"start it, or change {variable}")
    programs = [each.name for each in getattr(found, service)]
    if not programs:
        return wrong(_ABOUT, f"{address} offers no {service}", f"is it the right server? See {variable}")
    return fine(_ABOUT, f"{address} offers {', '.join(programs)}")
