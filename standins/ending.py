"""HTTP answers that end badly."""

from typing import Any

from starlette.types import Scope

from standins.engine import TRANSPORT
from standins.tcp import reset


def end(scope: Scope, how: str) -> None:
    """Break the connection of this request, by a TCP reset if `how` is "reset"; otherwise it just ends."""
    transport: Any = scope["extensions"][TRANSPORT]
    if how == "reset":
        reset(transport)
    else:
        transport.close()
