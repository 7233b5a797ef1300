"""One stand-in for a production engine as a process, so that each kind of engine can be hit alone.

The environment variable says which: {"kind": "stt", "port": 9000, "options": {…}, "faults": [], "host": "127.0.0.1"}.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import uvloop

from mesh.process.signals import stop_requests
from standins.engine import Engine
from standins.llm.engine import LlmEngine
from standins.stt.engine import SttEngine
from standins.tts.engine import TtsEngine

VARIABLE = "PARLEY_CHAOS_ENGINE"

_KINDS: dict[str, Callable[[], Engine[Any]]] = {"stt": SttEngine, "tts": TtsEngine, "llm": LlmEngine}


class EngineConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What one process serves. `kind` is "stt", "tts" or "llm", `options` the stand-in's own."""

    kind: str
    host: str
    port: int
    options: Mapping[str, Any]

    def variables(self) -> dict[str, str]:
        """The environment that tells the process so."""
        return {VARIABLE: msgspec.json.encode(self).decode()}


def main() -> None:
    """Serve until asked to stop. Connections that are left then are cut off, as moshi-server does."""
    uvloop.run(_serve(msgspec.json.decode(os.environ[VARIABLE], type=EngineConfig)))


async def _serve(config: EngineConfig) -> None:
    engine = _KINDS[config.kind]()
    engine.change(**config.options)
    async with engine.serving(config.host, config.port):
        with stop_requests() as requests:
            await requests.stop.wait()
