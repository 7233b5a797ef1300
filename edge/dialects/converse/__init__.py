"""The dialect of Parley's own page, on `/v1/converse`: `Converse` itself, as JSON.

Each text frame is one `ConverseRequest` or `ConverseResponse` in protobuf's JSON form, exactly as grpcurl takes and
prints it, so what the contract says of a message holds here too. The edge adds two things: audio may be Ogg Opus
(`AUDIO_ENCODING_OGG_OPUS`), which browsers make and take, and a conversation that fails is told by an `error` message
before the close.
"""

from edge.dialects.converse.dialect import ConverseDialect

__all__ = ["ConverseDialect"]
