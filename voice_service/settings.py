"""Settings of the voice service."""

import os
import tempfile
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from mesh.engines.plugins import EngineName
from mesh.settings import MetricsPort, Port, ServiceSettings, setting
from voice_service.store import Retention

_OWN_CATALOGUE = Path(__file__).with_name("voices.yaml")


class VoicesSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the voice service."""

    env_prefix: ClassVar[str] = "PARLEY_VOICES_"

    port: Port = 50054
    metrics_port: MetricsPort = 9154
    file: Annotated[str | None, setting(help="Catalogue of voices, a YAML file. Not set: Parley's own.")] = None
    tts_target: Annotated[
        str,
        setting(
            help="Address of speech synthesis: host:port, dns:///host:port or a list.",
            env="PARLEY_MESH_TTS_TARGET",
        ),
    ] = "127.0.0.1:50053"
    cloning_engine: Annotated[
        EngineName | None,
        setting(
            help="Voice cloning to use. Not set: moshi if a moshi-server is configured, else the best that can run."
        ),
    ] = None
    redis_url: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^(rediss?|unix)://")] | None,
        setting(
            help="URL of the Redis server that stores custom voices. Not set: the file stores them.",
            env=("PARLEY_VOICES_REDIS_URL", "KYUTAI_REDIS_URL"),
            secret=True,
        ),
    ] = None
    store_file: Annotated[
        str | None,
        setting(help="SQLite file that stores custom voices. Not set: a file in the temporary folder."),
    ] = None
    kept_for_s: Annotated[float, setting(help="Seconds that a custom voice is kept.", ge=1, le=30 * 24 * 3_600)] = (
        3_600.0
    )
    most_kept: Annotated[
        int,
        setting(
            help="Maximum number of custom voices, 1 MiB each at most. The oldest is removed first.", ge=1, le=100_000
        ),
    ] = 500
    donation_dir: Annotated[
        str | None,
        setting(
            help="Folder for donated voices and their donors' details. Not set: donations are not accepted.",
            env=("PARLEY_VOICES_DONATION_FOLDER", "KYUTAI_VOICE_DONATION_DIR"),
        ),
    ] = None
    donation_limit_mib: Annotated[
        int, setting(help="Space that donated voices may take on the disk, in MiB.", ge=1, le=1 << 30)
    ] = 10_240
    uploads: Annotated[int, setting(help="Maximum number of concurrent uploads, 4 MiB each.", ge=1, le=1_000)] = 8

    @property
    def path(self) -> Path:
        """Where the catalogue is."""
        return Path(self.file) if self.file else _OWN_CATALOGUE

    @property
    def store_path(self) -> Path:
        """Where custom voices are kept when Redis does not."""
        # Each user of the machine has a folder of their own, which nobody else can look into.
        own = Path(tempfile.gettempdir()) / f"parley-{os.getuid()}"
        return Path(self.store_file) if self.store_file else own / "voices.sqlite3"

    @property
    def donation_path(self) -> Path | None:
        """Where donated voices are kept; None: none are taken."""
        return Path(self.donation_dir) if self.donation_dir else None

    @property
    def retention(self) -> Retention:
        """What the store keeps."""
        return Retention(time_to_live_s=self.kept_for_s, most_voices=self.most_kept)
