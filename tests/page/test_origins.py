"""Pages of another origin in a real browser, which keeps to what the edge says of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from edge.http.uploads import LARGEST_FILE
from edge.server import serving
from edge.settings import EdgeSettings
from tests.fakes import http
from tests.page.chromium import UNSAFE_HOST, open_page, visitor
from tests.page.harness import PageHarness

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="package")]

OPENING = """url => new Promise(tell => {
  const socket = new WebSocket(url, ["realtime"]);
  socket.onopen = () => tell("open");
  socket.onclose = ({code}) => tell(code);
})"""

ASKING = """async ({url, size}) => {
  const form = new FormData();
  form.append("file", new Blob([new Uint8Array(size)]));
  const asked = size ? {method: "POST", body: form} : {headers: {"x-anything": "at all"}};
  try {
    return (await fetch(url, {...asked, credentials: "include"})).status;
  } catch (failed) {
    return failed.name;
  }
}"""


async def _front(_request: Request) -> Response:
    return HTMLResponse("<title>Elsewhere</title>")


@asynccontextmanager
async def elsewhere(browser: Browser) -> AsyncIterator[Page]:
    """A page that another server of this machine serves, which makes it one of another origin."""
    async with http.serving(Starlette(routes=[Route("/", _front)])) as url, visitor(browser) as page:
        await page.goto(url)
        yield page


@pytest.mark.parametrize("path", ["realtime", "converse"])
async def test_one_that_nobody_named_gets_no_websocket_and_reads_nothing(
    browser: Browser, harness: PageHarness, path: str
) -> None:
    admitted = harness.fake.admitted
    async with elsewhere(browser) as page:
        assert await page.evaluate(OPENING, f"ws://127.0.0.1:{harness.port}/v1/{path}") == 1006
        for size in (0, 1, LARGEST_FILE + 1):
            asked = {"url": f"{harness.url}v1/voices", "size": size}
            assert await page.evaluate(ASKING, asked) == "TypeError"
    assert harness.fake.admitted == admitted


@pytest.mark.unmute("S8", "C12", "B20")
@pytest.mark.parametrize("any_origin", [False, True])
async def test_one_that_may_talks_and_reads_every_answer(
    browser: Browser, harness: PageHarness, *, any_origin: bool
) -> None:
    async with elsewhere(browser) as page:
        settings = EdgeSettings(
            port=0,
            orchestrator_target=harness.orchestrator.address,
            voices_target=harness.voices.address,
            cors_origins=("*",) if any_origin else (await page.evaluate("origin"),),
        )
        async with serving(settings, registry=CollectorRegistry()) as edge:
            at = f"127.0.0.1:{edge.port}"
            for path in ("realtime", "converse"):
                assert await page.evaluate(OPENING, f"ws://{at}/v1/{path}") == "open"
            for path, size, status in (
                ("v1/voices", 0, 200),
                ("nowhere", 0, 404),
                ("v1/health", 1, 405),
                ("v1/voices", 1, 400),
                ("v1/voices", LARGEST_FILE + 1, 413),
                ("v1/voices", 2 * LARGEST_FILE, 413),
            ):
                asked = {"url": f"http://{at}/{path}", "size": size}
                assert await page.evaluate(ASKING, asked) == status, (path, size)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", UNSAFE_HOST])
async def test_the_edges_own_page_may_at_any_address(browser: Browser, harness: PageHarness, host: str) -> None:
    async with visitor(browser) as page:
        await open_page(page, f"http://{host}:{harness.port}/")
        for path in ("realtime", "converse"):
            assert await page.evaluate(OPENING, f"ws://{host}:{harness.port}/v1/{path}") == "open"
