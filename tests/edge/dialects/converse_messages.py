"""Speaks the dialect without a socket."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from edge.dialects.converse import ConverseDialect
from parley.conversation.v1.conversation_pb2 import ConverseRequest, ConverseResponse

OPUS = {"encoding": "AUDIO_ENCODING_OGG_OPUS"}
OPUS_CONFIG = {"inputFormat": OPUS, "outputFormat": OPUS}


async def opened(
    config: dict[str, Any] | None, *, message: str | bytes | None = None
) -> tuple[ConverseDialect, ConverseRequest]:
    """A dialect whose client began with `config`, or with another `message`, and the request that opens for it."""
    first = json.dumps({"config": config}) if message is None else message

    async def receive() -> str | bytes:
        return first

    dialect = ConverseDialect()
    return dialect, await dialect.opening(receive)


def audio_message(audio: bytes, **envelope: str) -> str:
    """The text frame in which a client sends `audio`."""
    return json.dumps({"audio": {"audio": base64.b64encode(audio).decode()}, **envelope})


def response(**event: Any) -> ConverseResponse:
    """A response, given as its member and the member's fields."""
    return ConverseResponse(**event)


def decoded(messages: Iterable[str]) -> bytes:
    """The audio in these text frames, joined."""
    events = [json.loads(message) for message in messages]
    return b"".join(base64.b64decode(event["replyAudio"]["audio"]) for event in events if "replyAudio" in event)
