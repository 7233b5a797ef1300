"""What comes with a donated recording, and the rules for both.

They are checked here, and not at the edge, so that every client meets the same ones; the edge only turns its JSON into
the contract's message.
"""

import uuid
from dataclasses import dataclass

from mesh.errors import InvalidRequest
from parley.voices.v1.voices_pb2 import DonationMetadata
from voice_service.donations.errors import UploadTooSmall
from voice_service.uploads import check_size

SMALLEST_RECORDING = 104_858
"""Bytes: 0.1 MiB, rounded up. Nobody reads the text aloud in less."""
LONGEST_NICKNAME = 30
"""Characters."""
LARGEST_METADATA = 32 << 10
"""Bytes."""

_FORMAT_VERSIONS = ("1.0", "1.1")
_LICENSES = ("CC0",)


@dataclass(frozen=True, slots=True)
class Submission:
    """Who gives a voice. It is kept under these names, which are Unmute's."""

    format_version: str
    email: str
    nickname: str
    verification_id: str
    license: str
    transcription_from_client: str | None


def checked_metadata(metadata: DonationMetadata) -> Submission:
    """The metadata with what was left out. Raises `InvalidRequest` for a field that is not as expected."""
    if metadata.ByteSize() > LARGEST_METADATA:
        raise InvalidRequest(f"the metadata may have {LARGEST_METADATA} bytes", field="metadata")
    if not metadata.HasField("email"):
        raise _missing("email")
    if not metadata.HasField("nickname"):
        raise _missing("nickname")
    version = metadata.format_version if metadata.HasField("format_version") else _FORMAT_VERSIONS[-1]
    license_name = metadata.license if metadata.HasField("license") else _LICENSES[0]
    heard = metadata.transcription_from_client if metadata.HasField("transcription_from_client") else None
    return Submission(
        format_version=_one_of(_FORMAT_VERSIONS, "format_version", version),
        email=metadata.email,
        nickname=metadata.nickname,
        verification_id=_verification_id(metadata.verification_id),
        license=_one_of(_LICENSES, "license", license_name),
        transcription_from_client=heard,
    )


def check_recording(recording: bytes) -> None:
    """Raise `UploadTooSmall` or `UploadTooLarge` for a recording of the wrong size. Its name is not looked at."""
    if len(recording) < SMALLEST_RECORDING:
        raise UploadTooSmall(
            f"the recording has {len(recording)} bytes; expected at least {SMALLEST_RECORDING} (0.1 MiB), "
            "which is less than the whole text takes",
            field="chunk",
        )
    check_size(len(recording), field="chunk")


def check_nickname(nickname: str) -> None:
    """Raise `InvalidRequest` if the nickname is too long."""
    if len(nickname) > LONGEST_NICKNAME:
        raise InvalidRequest(
            f"the nickname has {len(nickname)} characters; expected at most {LONGEST_NICKNAME}",
            field="metadata.nickname",
        )


def _missing(field: str) -> InvalidRequest:
    return InvalidRequest(f"the metadata lacks {field!r}", field=f"metadata.{field}")


def _one_of(choices: tuple[str, ...], field: str, value: str) -> str:
    if value not in choices:
        raise InvalidRequest(f"expected {field!r} to be {' or '.join(map(repr, choices))}", field=f"metadata.{field}")
    return value


def _verification_id(text: str) -> str:
    """The id as the store has it. A UUID can be written in several ways."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        raise InvalidRequest("expected 'verification_id' to be a UUID", field="metadata.verification_id") from None
