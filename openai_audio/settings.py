"""Settings of engines on servers with OpenAI's audio API, whichever service they are behind."""

from typing import Annotated, Any

from mesh.pool import Options
from mesh.settings import Settings, setting


class OpenAiAudioSettings(Settings, frozen=True, kw_only=True):
    """Settings of requests to the servers. A service adds its `model`, and what it says with each request."""

    urls: Annotated[
        tuple[str, ...],
        setting(
            help="URLs of servers with OpenAI's audio API, http(s), with or without /v1. One may resolve to several."
        ),
    ] = ()
    api_key: Annotated[str, setting(help="API key for these servers.", secret=True, pattern="^[!-~]*$")] = ""
    extra_body: Annotated[
        dict[str, Any] | None, setting(help="Additional fields for each request. They override all others.")
    ] = None
    answer_limit_s: Annotated[
        float, setting(help="Seconds that one server may take until its answer begins.", gt=0, le=60)
    ] = 8.0
    search_limit_s: Annotated[
        float, setting(help="Seconds that the search for a server whose answer begins may take.", gt=0, le=120)
    ] = 12.0
    probe_interval_s: Annotated[
        float, setting(help="Seconds between two questions whether a server is there.", ge=0.05, le=600)
    ] = 5.0

    def options(self, most_leases: int) -> Options:
        """How requests are made."""
        return Options(most_leases=most_leases, try_limit_s=self.answer_limit_s, search_limit_s=self.search_limit_s)
