"""Which language model a mesh talks to."""

import asyncio
from collections.abc import Mapping
from typing import NamedTuple

from launcher.processes import ORCHESTRATOR
from launcher.running.probes import http_json
from mesh.settings import load
from orchestrator.settings import OrchestratorSettings

# A server on this machine answers at once or is not there.
_LOCAL_TIMEOUT_S = 0.5


class LanguageModel(NamedTuple):
    """A server to use. `model` is None when it lists only one; `told_by` says who chose it."""

    url: str
    model: str | None
    told_by: str


class LocalServer(NamedTuple):
    """A program that people run models with, and the port it listens on by default."""

    program: str
    port: int


LOCAL_SERVERS = (
    LocalServer("Ollama", 11434),
    LocalServer("vLLM", 8000),
    LocalServer("llama.cpp", 8080),
    LocalServer("LM Studio", 1234),
)
"""Where "auto" looks; the first that lists a model wins."""


async def choose(
    wish: str | None, environ: Mapping[str, str], edge_port: int, local_servers: tuple[LocalServer, ...] = LOCAL_SERVERS
) -> LanguageModel | None:
    """The model that `wish` (an address, "auto" or nothing) and the environment ask for; None: none, use the responder.

    `edge_port` will be the edge's own, so no server is looked for there. Raises `mesh.settings.SettingError`.
    """
    told = load(OrchestratorSettings, environ)
    if wish == "auto":
        found = await _find_local([server for server in local_servers if server.port != edge_port])
        return found and found._replace(model=told.llm_model or found.model)
    if wish is not None:
        return LanguageModel(wish, told.llm_model, "--llm")
    if ORCHESTRATOR.is_set("llm_url", environ):
        return LanguageModel(told.llm_url, told.llm_model, "the environment")
    return None


async def _find_local(servers: list[LocalServer]) -> LanguageModel | None:
    answers = await asyncio.gather(*(_first_model(server.port) for server in servers))
    for server, model in zip(servers, answers, strict=True):
        if model:
            return LanguageModel(f"http://127.0.0.1:{server.port}", model, f"{server.program}, found on this machine")
    return None


async def _first_model(port: int) -> str | None:
    match await http_json("127.0.0.1", port, "/v1/models", timeout_s=_LOCAL_TIMEOUT_S):
        case {"data": [{"id": str(model)}, *_]}:
            return model
        case _:
            return None
