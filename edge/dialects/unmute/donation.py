"""Voice donation as Unmute's clients know it: its JSON, and the contract's messages."""

import msgspec

from mesh.errors import InvalidRequest
from parley.voices.v1.voices_pb2 import DonationMetadata, StartDonationResponse

_NANOSECONDS = 1_000_000_000


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What a donor is told. One of the names is misspelt in Unmute's API, and clients depend on it."""

    id: str
    text: str
    """What is to be read aloud."""
    created_at_timetamp: float
    """Seconds since 1970."""


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What comes with a recording. What the fields may hold is the voice service's affair."""

    format_version: str = "1.1"
    email: str
    nickname: str
    verification_id: str
    license: str = "CC0"
    transcription_from_client: str | None = None


def verification(started: StartDonationResponse) -> Verification:
    """What a donor is told."""
    created = started.create_time
    return Verification(
        id=started.verification_id,
        text=started.text,
        created_at_timetamp=created.seconds + created.nanos / _NANOSECONDS,
    )


def metadata(text: bytes) -> DonationMetadata:
    """What a client says of its recording. Raises `InvalidRequest` if it is no JSON, or not of the expected form."""
    try:
        given = msgspec.json.decode(text, type=Metadata)
    except msgspec.ValidationError as error:
        # A sentence of msgspec's: "Expected `str`, got `int` - at `$.email`".
        raise InvalidRequest(f"the metadata cannot be used: {error}", field="metadata") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidRequest("the metadata is not JSON", field="metadata") from None
    return DonationMetadata(
        **{name: value for name, value in msgspec.structs.asdict(given).items() if value is not None}
    )
