"""How the server is connected to: through which proxy, by which certificates, and why it cannot be."""

import socket
import ssl
from collections.abc import Iterator
from enum import Enum

import httpx2
import openai

from mesh.process.proxies import BadProxy, proxy_for
from orchestrator.llm.address import BadAddress, ServerAddress


def http_client(address: ServerAddress, ca_file: str | None = None) -> httpx2.AsyncClient:
    """Return a client for this server alone. Raises `BadAddress` for a proxy or certificates that cannot be used.

    `ca_file` holds authorities that are trusted beside the machine's own, or beside those of SSL_CERT_FILE.
    """
    return openai.DefaultAsyncHttpxClient(
        trust_env=False, proxy=proxy_of(address), verify=_certificates(address, ca_file), follow_redirects=True
    )


def proxy_of(address: ServerAddress) -> str | None:
    """The proxy that the environment names for this server, as a URL. Raises `BadAddress` if it cannot be used."""
    try:
        return proxy_for(address.base_url)
    except BadProxy as error:
        raise BadAddress(str(error)) from None


def _certificates(address: ServerAddress, ca_file: str | None) -> ssl.SSLContext:
    try:
        context = httpx2.create_ssl_context()
    except (OSError, ValueError) as error:
        if address.secure:
            raise BadAddress(f"the certificates of SSL_CERT_FILE or SSL_CERT_DIR cannot be read: {error}") from None
        context = httpx2.create_ssl_context(trust_env=False)
    if ca_file:
        try:
            context.load_verify_locations(cafile=ca_file)
        except (OSError, ValueError) as error:
            raise BadAddress(f"the certificates of PARLEY_LLM_CA_FILE cannot be read: {error}") from None
    return context


class Trouble(Enum):
    """Why there is no connection, and what to do about it."""

    DNS = ("its name is not known (DNS)", "correct the host in KYUTAI_LLM_URL or --llm")
    REFUSED = ("nothing listens there (connection refused)", "start that server, or correct KYUTAI_LLM_URL or --llm")
    TIMEOUT = ("no answer in time", "is it still loading its model, or behind a firewall? Try again, or another")
    UNTRUSTED = (
        "its certificate is not trusted",
        "name the authority that signed it: PARLEY_LLM_CA_FILE=/path/to/ca.pem",
    )
    OTHER_NAME = ("its certificate is for another name", "use the name in the certificate in KYUTAI_LLM_URL or --llm")
    EXPIRED = ("its certificate has expired, or is not valid yet", "renew it, or set this machine's clock")
    NO_TLS = ("it does not speak TLS there", "write http:// in place of https://, or correct the port")
    PROXY = ("the proxy does not let it through", "correct HTTPS_PROXY, or put the host into NO_PROXY")
    LOST = ("the connection is lost", "see that server's own log; is it an HTTP server?")

    @property
    def what(self) -> str:
        """What is wrong, to follow "cannot be reached:"."""
        return self.value[0]

    @property
    def remedy(self) -> str:
        """What to do next."""
        return self.value[1]


_OTHER_NAME_CODES = frozenset((62, 63, 64))
_DATE_CODES = frozenset((9, 10))
"""OpenSSL's codes of certificates for another host or address, and of such that are not valid yet, or any more."""


def trouble(error: BaseException | None) -> Trouble | None:
    """Why there was no connection, by the cause of an error; None: there was one, or it cannot be told."""
    found = list(_chain(error))
    for each in found:
        match each:
            case ssl.SSLCertVerificationError(verify_code=code):
                if code in _OTHER_NAME_CODES:
                    return Trouble.OTHER_NAME
                return Trouble.EXPIRED if code in _DATE_CODES else Trouble.UNTRUSTED
            case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
                return Trouble.LOST
            case ssl.SSLError():
                return Trouble.NO_TLS
            case socket.gaierror():
                return Trouble.DNS
            case ConnectionRefusedError():
                return Trouble.REFUSED
            case httpx2.ProxyError():
                return Trouble.PROXY
    for each in found:
        match each:
            case httpx2.TimeoutException() | openai.APITimeoutError() | TimeoutError():
                return Trouble.TIMEOUT
            case httpx2.NetworkError() | httpx2.ProtocolError() | OSError():
                return Trouble.LOST
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that led to it, each once, the outermost first."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop(0)
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
