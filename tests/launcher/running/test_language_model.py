import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import uvicorn

from launcher.running.language_model import LanguageModel, LocalServer, choose
from mesh.settings import SettingError
from responder.app import create_app
from responder.wire import MODEL

NOBODY = LocalServer("Nobody", 9)
EDGE_PORT = 8000


@pytest.fixture
async def somebody() -> AsyncIterator[LocalServer]:
    """A server of the OpenAI API on this machine."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(token_delay_s=0.0, now=datetime.now)
    server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listening]))
    yield LocalServer("Somebody", listening.getsockname()[1])
    server.should_exit = True
    await serving


async def test_nothing_told_means_the_responder() -> None:
    assert await choose(None, {}, EDGE_PORT) is None


@pytest.mark.parametrize("variable", ["KYUTAI_LLM_URL", "PARLEY_LLM_URL"])
async def test_the_environment_tells(variable: str) -> None:
    environ = {variable: "http://models:8000", "KYUTAI_LLM_MODEL": "big"}
    assert await choose(None, environ, EDGE_PORT) == LanguageModel("http://models:8000", "big", "the environment")


async def test_the_option_goes_first() -> None:
    chosen = await choose("http://here:1", {"KYUTAI_LLM_URL": "http://models:8000"}, EDGE_PORT)
    assert chosen == LanguageModel("http://here:1", None, "--llm")


async def test_auto_takes_the_first_that_lists_a_model(somebody: LocalServer) -> None:
    chosen = await choose("auto", {}, EDGE_PORT, (NOBODY, somebody))
    assert chosen == LanguageModel(f"http://127.0.0.1:{somebody.port}", MODEL, "Somebody, found on this machine")


async def test_auto_asks_for_the_model_that_was_told(somebody: LocalServer) -> None:
    chosen = await choose("auto", {"KYUTAI_LLM_MODEL": "big"}, EDGE_PORT, (somebody,))
    assert chosen is not None
    assert chosen.model == "big"


async def test_auto_does_not_take_the_edge_for_a_model(somebody: LocalServer) -> None:
    assert await choose("auto", {}, somebody.port, (somebody,)) is None


async def test_auto_may_find_nobody() -> None:
    assert await choose("auto", {}, EDGE_PORT, (NOBODY,)) is None


async def test_a_setting_that_does_not_fit_is_told() -> None:
    with pytest.raises(SettingError, match="PARLEY_ORCHESTRATOR_PORT"):
        await choose(None, {"PARLEY_ORCHESTRATOR_PORT": "many"}, EDGE_PORT)
