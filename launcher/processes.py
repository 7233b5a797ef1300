"""The processes of the mesh: what each is called, and where its code and its settings are."""

import importlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from edge.settings import EdgeSettings
from mesh.engines.plugins import EngineGroup
from mesh.settings import ServiceSettings, SettingDescription, Settings, describe
from mesh.settings.renamed import old_names
from orchestrator.settings import OrchestratorSettings
from responder.settings import ResponderSettings
from stt_proxy import engine as stt_engine
from stt_proxy.settings import SttSettings
from tts_proxy import engine as tts_engine
from tts_proxy.settings import TtsSettings
from voice_service import engine as cloning_engine
from voice_service.settings import VoicesSettings


class Process(NamedTuple):
    """One kind of process. `name` is its sub-command; its code is imported only when it runs."""

    name: str
    package: str
    settings_type: type[ServiceSettings]
    purpose: str
    engines: EngineGroup[Any] | None = None
    """The engines of which it runs one; None: it has none."""

    @property
    def main(self) -> str:
        """The module whose `main()` is the process."""
        return f"{self.package}.main"

    def run(self) -> None:
        """Be this process until it is asked to stop."""
        importlib.import_module(self.main).main()

    def variables(self, **values: Any) -> dict[str, str]:
        """The environment variables that give the settings of the process these values; None unsets one."""
        wanted = [setting for setting in describe(self.settings_type) if setting.name in values]
        return {old: "" for setting in wanted for old in old_names(setting.env[0])} | {
            variable: "" if values[setting.name] is None else str(values[setting.name])
            for setting in wanted
            for variable in setting.env
        }

    def own_settings(self) -> list[SettingDescription]:
        """Its settings, and those of all its engines, each once."""
        types: list[type[Settings]] = [self.settings_type]
        if self.engines is not None:
            types += [plugin.settings_type for plugin in self.engines.plugins.values()]
        return list({each.env: each for kind in types for each in describe(kind)}.values())

    def is_set(self, setting_name: str, environ: Mapping[str, str]) -> bool:
        """Whether the environment sets this setting."""
        settings = {setting.name: setting for setting in describe(self.settings_type)}
        names = settings[setting_name].env
        return any(environ.get(variable) for variable in (*names, *old_names(names[0])))


EDGE = Process("edge", "edge", EdgeSettings, "Serves browsers: the page, WebSocket, REST.")
ORCHESTRATOR = Process(
    "orchestrator", "orchestrator", OrchestratorSettings, "Holds conversations: turn taking, language model, pacing."
)
STT_PROXY = Process("stt-proxy", "stt_proxy", SttSettings, "Turns speech into words.", stt_engine.ENGINES)
TTS_PROXY = Process("tts-proxy", "tts_proxy", TtsSettings, "Turns words into speech.", tts_engine.ENGINES)
VOICE_SERVICE = Process(
    "voice-service", "voice_service", VoicesSettings, "Serves, clones and stores voices.", cloning_engine.ENGINES
)
RESPONDER = Process("responder", "responder", ResponderSettings, "Answers by rules instead of a language model.")

PROCESSES = (EDGE, ORCHESTRATOR, STT_PROXY, TTS_PROXY, VOICE_SERVICE, RESPONDER)
"""Every process there is."""

DEFAULT_URL = "ws://127.0.0.1:8000"
"""Where the edge of a mesh on this machine is, unless a port was changed."""

DEFAULT_TARGET = "127.0.0.1:50051"
"""The same for its orchestrator."""
