"""HTTP requests to one of several servers that share a name. Plugins do not import this: the client is heavy."""

from typing import Any

import httpx2

from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import Place
from mesh.process.ports import authority


def request(client: httpx2.AsyncClient, place: Place[ServerUrl], method: str, path: str, **more: Any) -> httpx2.Request:
    """A request to this very server, which is sent the name it is known by."""
    url = place.url
    headers = {"host": authority(url.host, url.port), **more.pop("headers", {})}
    extensions = {"sni_hostname": url.host}
    return client.build_request(method, url.http(place.address, path), headers=headers, extensions=extensions, **more)
