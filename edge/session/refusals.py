"""Close codes and messages for a conversation that cannot start, or cannot go on."""

import math

from edge.health import Unhealthy
from mesh.errors import AtCapacity, Draining, InternalError, InvalidRequest, MeshError, UpstreamDown

NORMAL_CLOSURE = 1000
"""Close code: the conversation is over (RFC 6455)."""

POLICY_VIOLATION = 1008
"""Close code: the request can never be served (RFC 6455). A client must not retry it unchanged."""

INTERNAL_ERROR = 1011
"""Close code: the server cannot go on (RFC 6455)."""

SERVICE_RESTART = 1012
"""Close code: the server stops (registered at IANA)."""

TRY_AGAIN_LATER = 1013
"""Close code: the server is full (registered at IANA). Clients take it as an invitation to come back."""

_REASON_BYTES = 123
"""What a close frame has room for (RFC 6455, 5.5)."""


def close_code(error: MeshError) -> int:
    """The close code that goes with `error`."""
    match error:
        case AtCapacity():
            return TRY_AGAIN_LATER
        case Draining():
            return SERVICE_RESTART
        case InvalidRequest():
            return POLICY_VIOLATION
        case _:
            return INTERNAL_ERROR


def words(error: MeshError) -> str:
    """`error` for a person: which service is missing, and when trying again makes sense."""
    if isinstance(error, InternalError) or error.reason == error.code.name:  # the latter no service of ours has made
        return "Something went wrong here. Please try again."
    if isinstance(error, Unhealthy):
        return error.message
    if isinstance(error, UpstreamDown) and error.service is None:
        return "The conversation was lost. Please try again."
    sentence = f"{error.message[:1].upper()}{error.message[1:]}."
    if error.retry_after is None:
        return sentence
    return f"{sentence} Please try again in {math.ceil(error.retry_after)} s."


def close_reason(text: str) -> str:
    """As much of `text` as a close frame can carry."""
    return text.encode()[:_REASON_BYTES].decode(errors="ignore")
