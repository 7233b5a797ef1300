"""Settings of the engines that are moshi-servers, whichever service they are behind."""

from typing import Annotated

from mesh.pool import Options
from mesh.settings import Settings, setting


class MoshiSettings(Settings, frozen=True, kw_only=True):
    """Settings of streams with moshi-servers. A service adds `urls`, and a `capacity` with its own default."""

    api_key: Annotated[
        str,
        setting(
            help="API key for moshi-server, one of its authorized_ids. The default is the key that Unmute ships.",
            env=("PARLEY_MOSHI_API_KEY", "KYUTAI_API_KEY"),
            secret=True,
            pattern="^[!-~]+$",
        ),
        # Unmute's own default, so that its servers work without a change. It protects nothing: whoever can reach such a
        # server from outside needs another one.
    ] = "public_token"
    # A proxy's caller waits half a second for it, so a search must be over by then.
    try_limit_s: Annotated[float, setting(help="Seconds that one moshi-server may take to be ready.", gt=0, le=10)] = (
        0.25
    )
    search_limit_s: Annotated[
        float, setting(help="Seconds that the search for a ready moshi-server may take.", gt=0, le=10)
    ] = 0.4

    def options(self, most_leases: int) -> Options:
        """How streams are opened."""
        return Options(most_leases=most_leases, try_limit_s=self.try_limit_s, search_limit_s=self.search_limit_s)
