"""What the voice service can be told."""

from pathlib import Path
from typing import Annotated, ClassVar

from mesh.settings import Port, ServiceSettings, setting

_OWN_CATALOGUE = Path(__file__).with_name("voices.yaml")


class VoicesSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the voice service."""

    env_prefix: ClassVar[str] = "PARLEY_VOICES_"

    port: Port = 50054
    metrics_port: Annotated[int, setting(help="The port Prometheus reads; 0: none is opened.", ge=0, le=65_535)] = 9154
    file: Annotated[str | None, setting(help="The catalogue, a YAML file; left out: Parley's own voices.")] = None

    @property
    def path(self) -> Path:
        """Where the catalogue is."""
        return Path(self.file) if self.file else _OWN_CATALOGUE
