"""The address of a language model's server, as people write and paste it.

Providers publish base URLs of many shapes, and people paste endpoints, with line ends and quotes. What can be
understood is; what cannot is refused with the reason, before anything is asked.
"""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

_WRAPPING = " \t\r\n\v\f\"'`<>\u00a0\u200b\u200e\u2060\ufeff"
"""What is copied along with an address or a key: blanks, quotes, and characters that cannot be seen."""
_ENDPOINTS = ("/chat/completions", "/completions", "/responses", "/embeddings")
"""Routes beside the one that is asked; in front of them is the base URL."""
_OWN_ROUTES = ("/api/chat", "/api/generate", "/api/tags")
"""Routes of Ollama's own API, whose OpenAI-compatible one is under /v1."""
_VERSION = re.compile(r"v\d+(?:alpha|beta)?\d*", re.IGNORECASE)
_COMPLETE = ("/inference", "/serving-endpoints", "/compat")
"""How base URLs end that have no version: GitHub Models, Databricks, Cloudflare's gateway."""
_COMPLETE_HOSTS = ("api.perplexity.ai", "models.inference.ai.azure.com")
"""Hosts whose base URL is the host alone."""
_DEPLOYMENT = re.compile(r"/openai/deployments/([^/]+)$", re.IGNORECASE)
_AZURE = (".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_KEY = re.compile(r"[!-~]+")
_PREFIX = re.compile(r"(?:authorization:\s*)?bearer\s+", re.IGNORECASE)


class BadAddress(ValueError):
    """An address, or a key, that cannot be used; the message says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server's OpenAI-compatible API is."""

    base_url: str
    """Without a slash at its end: `/chat/completions` follows it. It may hold a user and a password."""
    query: dict[str, str] = field(default_factory=dict)
    """Parameters that go into every request."""
    deployment: str | None = None
    """The model, where the address itself names it: a deployment of Azure's."""
    key_header: str | None = None
    """The header that the key goes into; None: `Authorization`, behind `Bearer`."""

    @property
    def secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.base_url.startswith("https:")

    @property
    def host(self) -> str:
        """The name or the IP address of the server."""
        return urlsplit(self.base_url).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.base_url).port or (443 if self.secure else 80)

    @property
    def shown(self) -> str:
        """The base URL without user and password."""
        parts = urlsplit(self.base_url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def parse_address(written: str) -> ServerAddress:
    """Return the address that is meant by a base URL, a server's URL or the URL of an endpoint. Raises `BadAddress`.

    `/v1` is added where a path has no version and does not look complete. An endpoint is taken as it is.
    """
    url = written.strip(_WRAPPING)
    if not url:
        raise BadAddress("it is blank; expected http://host:port or https://host")
    if re.search(r"\s", url):
        raise BadAddress("it has a blank or a line end inside")
    if not _SCHEME.match(url):
        raise BadAddress(f"it does not begin with http:// or https://; is it http://{url.rpartition('@')[2]}?")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise BadAddress("its host or port cannot be read; expected http://host:port or https://host") from None
    if parts.scheme not in ("http", "https"):
        raise BadAddress(f"it begins with {parts.scheme}://; a language model is asked over http:// or https://")
    if not host:
        raise BadAddress("it names no host; expected http://host:port or https://host")
    try:
        host.encode("idna")
    except UnicodeError:
        raise BadAddress("its host is no name") from None
    path = _base_path(host, parts.path)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    deployed = _DEPLOYMENT.search(path)
    return ServerAddress(
        base_url=urlunsplit((parts.scheme, parts.netloc, path, "", "")),
        query=query,
        deployment=unquote(deployed[1]) if deployed else None,
        key_header="api-key" if deployed or "api-version" in query else None,
    )


def _base_path(host: str, path: str) -> str:
    path = re.sub(r"/{2,}", "/", path).rstrip("/")
    for endpoint in _ENDPOINTS:
        if path.lower().endswith(endpoint):
            return path[: -len(endpoint)]
    if path.lower().endswith("/models"):
        # GitHub's and Azure's base URLs of old end so; everywhere else it is the list of models.
        return path if host.endswith(".services.ai.azure.com") else path[: -len("/models")]
    for route in _OWN_ROUTES:
        if path.lower().endswith(route):
            path = path[: -len(route)]
    if host.endswith(_AZURE) and path.lower() in ("", "/openai"):
        return "/openai/v1"
    if any(_VERSION.fullmatch(part) for part in path.split("/")) or _DEPLOYMENT.search(path):
        return path
    if path.lower().endswith(_COMPLETE) or (host in _COMPLETE_HOSTS and not path):
        return path
    return f"{path}/v1"


def parse_key(written: str) -> str:
    """Return the key that is meant, without what was copied along with it. Raises `BadAddress`."""
    key = _PREFIX.sub("", written.strip(_WRAPPING), count=1).strip(_WRAPPING)
    if not _KEY.fullmatch(key):
        what = "is blank" if not key else "holds a blank, a line end or a character that no key has"
        raise BadAddress(f"the key {what}")
    return key


def parse_keys(written: tuple[str, ...]) -> tuple[str, ...]:
    """Return what each entry of a list of keys means. Raises `BadAddress`."""
    return tuple(map(parse_key, written))


def checked_url(written: str) -> str:
    """Return an address as it was written, without what was copied along with it. Raises `BadAddress`."""
    parse_address(written)
    return written.strip(_WRAPPING)
