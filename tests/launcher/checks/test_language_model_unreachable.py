"""`parley doctor` tells apart why a language model cannot be reached, over real sockets and real TLS."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from starlette.responses import HTMLResponse, JSONResponse

from launcher.checks.language_model import language_model
from mesh.engines.findings import Finding, State
from tests.fakes import http
from tests.fakes.llm import FakeLlm, serving
from tests.launcher.checks.conftest import Look
from tests.ports import free_port
from tests.tcp import serving_tcp

SOON = {"PARLEY_LLM_FIRST_TOKEN_LIMIT_S": "0.2"}
OPENSSL = shutil.which("openssl")


async def findings(context: Look, url: str, **environ: str) -> list[Finding]:
    return list(await language_model(await context(llm=url, **environ)))


async def fault(context: Look, url: str, **environ: str) -> Finding:
    found = [each for each in await findings(context, url, **environ) if each.state is State.WRONG]
    assert len(found) == 1
    return found[0]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@asynccontextmanager
async def answering(data: bytes) -> AsyncIterator[int]:
    """A port where whatever comes is answered with these bytes, and the connection closed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1_000)
        writer.write(data)

    async with serving_tcp(answer) as port:
        yield port


async def test_a_name_that_nobody_knows(context: Look) -> None:
    found = await fault(context, "http://nowhere.invalid:8080")
    assert found.found == "http://nowhere.invalid:8080/v1 cannot be reached: its name is not known (DNS)"


async def test_nothing_listens(context: Look) -> None:
    found = await fault(context, f"http://127.0.0.1:{free_port()}")
    assert found.found.endswith("cannot be reached: nothing listens there (connection refused)")


async def test_tls_where_none_is_spoken(context: Look) -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n") as port:
        found = await fault(context, f"https://127.0.0.1:{port}")
    assert found.found.endswith("cannot be reached: it does not speak TLS there")
    assert "http:// in place of https://" in str(found.remedy)


async def test_no_http_at_all(context: Look) -> None:
    async with answering(b"220 mail.example ESMTP\r\n") as port:
        found = await fault(context, f"http://127.0.0.1:{port}")
    assert "is it an HTTP server?" in str(found.remedy)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificates that sign themselves: for this machine, for another, and one of yesterday's."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("certificates")
    kinds = {"here": ("IP:127.0.0.1", "2"), "elsewhere": ("DNS:llm.example", "2")}
    for name, (alternative, days) in kinds.items():
        made, key = folder / f"{name}.pem", folder / f"{name}.key"
        options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", days]
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}"]
        command = [OPENSSL, "req", "-x509", *options, *subject, "-keyout", str(key), "-out", str(made)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - all of it is written here
        (folder / f"{name}-with-key.pem").write_bytes(key.read_bytes() + made.read_bytes())
    return folder


async def test_a_private_authority(context: Look, certificates: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and both ways of naming it help."""
    async with http.serving(FakeLlm().app, certificate=certificates / "here-with-key.pem") as url:
        found = await fault(context, url)
        assert found.found == f"{url}/v1 cannot be reached: its certificate is not trusted"
        assert "PARLEY_LLM_CA_FILE" in str(found.remedy)
        authority = str(certificates / "here.pem")
        fine = await findings(context, url, PARLEY_LLM_CA_FILE=authority)
        assert {each.state for each in fine} == {State.FINE}
        monkeypatch.setenv("SSL_CERT_FILE", authority)
        assert {each.state for each in await findings(context, url)} == {State.FINE}


async def test_a_certificate_for_another_name(context: Look, certificates: Path) -> None:
    async with http.serving(FakeLlm().app, certificate=certificates / "elsewhere-with-key.pem") as url:
        found = await fault(context, url, PARLEY_LLM_CA_FILE=str(certificates / "elsewhere.pem"))
    assert found.found.endswith("its certificate is for another name")


@pytest.mark.parametrize("content", [None, "no certificate"])
async def test_certificates_that_cannot_be_read(context: Look, tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content:
        file.write_text(content)
    found = await fault(context, "https://llm.example", PARLEY_LLM_CA_FILE=str(file))
    assert "the certificates of PARLEY_LLM_CA_FILE cannot be read" in found.found


async def test_other_certificates_are_no_concern_of_plain_http(context: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    async with serving(FakeLlm()) as url:
        assert {each.state for each in await findings(context, url)} == {State.FINE}
    found = await fault(context, "https://llm.example")
    assert "the certificates of SSL_CERT_FILE" in found.found


@pytest.mark.parametrize(
    ("variable", "proxy", "why"),
    [
        ("ALL_PROXY", "socks4://me:hush@127.0.0.1:1", "the proxy of ALL_PROXY begins with socks4://"),
        ("all_proxy", "gopher://127.0.0.1:1", "the proxy of ALL_PROXY begins with gopher://"),
        ("HTTP_PROXY", "http://[::1", "the proxy of HTTP_PROXY is no address"),
        ("ALL_PROXY", "socks://127.0.0.1:1", "the package socksio is not installed"),
        ("ALL_PROXY", "socks5h://127.0.0.1:1", "the package socksio is not installed"),
    ],
)
async def test_a_proxy_that_cannot_be_used(
    context: Look, monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str, why: str
) -> None:
    """It is told with the reason, and hinders nothing on this machine, or what NO_PROXY excepts."""
    if variable == "HTTP_PROXY":
        monkeypatch.delenv("REQUEST_METHOD", raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv(variable, proxy)
    found = await fault(context, "http://llm.invalid:8080")
    assert why in found.found
    assert "hush" not in found.found
    async with serving(FakeLlm()) as url:
        assert {each.state for each in await findings(context, url)} == {State.FINE}
        for here in ("localhost", "127.0.0.2"):
            assert "proxy" not in str(await findings(context, url.replace("127.0.0.1", here)))
    for exception in ("llm.invalid", ".invalid", "llm.invalid:8080", "*"):
        monkeypatch.setenv("NO_PROXY", exception)
        assert "(DNS)" in (await fault(context, "http://llm.invalid:8080")).found


async def test_a_network_may_be_excepted_from_the_proxy(context: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "192.0.2.0/24,nowhere")
    assert "proxy" in (await fault(context, "http://203.0.113.1:8080", **SOON)).found
    found = await fault(context, "http://192.0.2.1:8080", **SOON)
    assert "proxy" not in found.found


async def test_a_proxy_is_used_and_told_if_it_fails(context: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    async with answering(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n") as port:
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{port}")
        found = await fault(context, "https://llm.invalid")
    assert found.found == "https://llm.invalid/v1 cannot be reached: the proxy does not let it through"


async def test_a_wrong_path_and_a_wrong_model(context: Look) -> None:
    async with serving(FakeLlm()) as url:
        path = await fault(context, f"{url}/elsewhere/v1")
        assert path.found == f"{url}/elsewhere/v1: not found there (HTTP 404)"
        assert "up to /chat/completions" in str(path.remedy)
        fake = FakeLlm()
        fake.models_answer = JSONResponse({"detail": "Not Found"}, 404)
        fake.first = [JSONResponse({"error": {"message": "no such model"}}, 404)]
    async with serving(fake) as url:
        model = await fault(context, url, KYUTAI_LLM_MODEL="small")
        assert model.found == f"small at {url}/v1: not found there (HTTP 404)"
        assert "KYUTAI_LLM_MODEL" in str(model.remedy)


@pytest.mark.parametrize("status", [403, 404, 405, 410, 429, 501])
async def test_a_server_that_does_not_list_its_models_is_asked_for_a_word(context: Look, status: int) -> None:
    fake = FakeLlm()
    fake.models_answer = HTMLResponse("<html>no</html>", status)
    async with serving(fake) as url:
        told = await findings(context, url, KYUTAI_LLM_MODEL="small")
        assert [each.state for each in told] == [State.FINE, State.FINE]
        assert f"does not list its models (HTTP {status})" in told[0].found
        assert (await fault(context, url)).about == "server"
