"""The responder's settings."""

from typing import Annotated, ClassVar

from mesh.settings import Port, ServiceSettings, setting


class ResponderSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the responder."""

    env_prefix: ClassVar[str] = "PARLEY_RESPONDER_"

    port: Port = 8091
    token_delay_s: Annotated[float, setting(help="Seconds between the tokens of a streamed answer.", ge=0, le=10)] = (
        0.005
    )
