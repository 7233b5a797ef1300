"""Checkpoints: a conversation written down for its caller, who may bring it to any replica that has the same key.

A checkpoint is signed, not encrypted: the caller has seen what is in it, but for the rendered prompt.

    version (1 byte) · HMAC-SHA256 of the rest and the version (32 bytes) · MessagePack of a `Snapshot`
"""

import hmac
import secrets
from dataclasses import replace

import msgspec

from mesh.errors import InvalidRequest
from orchestrator.conversation import State
from orchestrator.conversation.transcript import Transcript

VERSION = 2
"""It must rise with every change after which an older checkpoint cannot be read, or would be misread.

New fields of the state with a default need none.
"""

LARGEST = 1 << 20
"""Bytes of a checkpoint that are read."""

_MOST_CHARACTERS = 100_000
"""Of the transcript: as much as any language model is shown of it."""

_SIGNATURE_BYTES = 32


class CheckpointInvalid(InvalidRequest):
    """No checkpoint of this service: it was changed, or was made with another key."""

    default_reason = "CHECKPOINT_INVALID"


class CheckpointVersion(InvalidRequest):
    """A checkpoint of a version that this release cannot read."""

    default_reason = "CHECKPOINT_VERSION"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """All that a session needs to go on elsewhere, but what its client says again when it does."""

    session_id: str
    now: float
    """The session's time."""
    state: State
    session: bytes
    """What the client has set so far: a serialised `SessionConfig`."""
    metadata: dict[str, str]
    certain: int
    """The position in the microphone up to which nothing is left to recognise."""
    acted_on: int
    """The position in the microphone up to which pause scores have been acted on."""
    recording_over: bool
    """The session was recorded, or recording was refused: it is not recorded any more."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Snapshot)


class Checkpoints:
    """Signs checkpoints, and reads those that carry its signature. Without a `key` it makes one for this process."""

    def __init__(self, key: str | None) -> None:
        self._key = secrets.token_bytes(_SIGNATURE_BYTES) if key is None else key.encode()

    def written(self, snapshot: Snapshot) -> bytes:
        """Return the checkpoint. Of a long conversation only the newest part is in it."""
        state = snapshot.state
        newest = state.transcript.newest(_MOST_CHARACTERS)
        if len(newest) < len(state.transcript.items):
            bounded = replace(state, transcript=Transcript(newest))
            snapshot = msgspec.structs.replace(snapshot, state=bounded)
        body = _encoder.encode(snapshot)
        return bytes([VERSION]) + self._signature(body) + body

    def read(self, checkpoint: bytes) -> Snapshot:
        """Return what is in a checkpoint. Raises `CheckpointInvalid` and `CheckpointVersion`."""
        signature, body = checkpoint[1 : 1 + _SIGNATURE_BYTES], checkpoint[1 + _SIGNATURE_BYTES :]
        if not checkpoint or len(checkpoint) > LARGEST:
            raise _invalid(f"a checkpoint of {len(checkpoint)} bytes: expected 1 to {LARGEST}")
        if checkpoint[0] != VERSION:
            raise CheckpointVersion(
                f"a checkpoint of version {checkpoint[0]}: expected {VERSION}", field="config.resume.checkpoint"
            )
        if not hmac.compare_digest(signature, self._signature(body)):
            raise _invalid("the checkpoint was changed, or was made with another key")
        try:
            return _decoder.decode(body)
        except msgspec.DecodeError:
            raise _invalid("the checkpoint cannot be read") from None

    def _signature(self, body: bytes) -> bytes:
        return hmac.digest(self._key, bytes([VERSION]) + body, "sha256")


def _invalid(message: str) -> CheckpointInvalid:
    return CheckpointInvalid(message, field="config.resume.checkpoint")
