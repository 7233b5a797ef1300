"""The rules for a donation, one by one."""

import pytest

from mesh.errors import InvalidRequest, UploadTooLarge
from parley.voices.v1.voices_pb2 import DonationMetadata
from voice_service.donations.errors import UploadTooSmall
from voice_service.donations.submission import (
    LARGEST_METADATA,
    SMALLEST_RECORDING,
    Submission,
    check_nickname,
    check_recording,
    checked_metadata,
)
from voice_service.uploads import LARGEST_RECORDING

ID = "6f0f2b4e-5b1c-4f0b-9a55-2f6f6a3b7c10"


def metadata(**fields: str) -> DonationMetadata:
    return DonationMetadata(**{"email": "ada@example.org", "nickname": "Ada", "verification_id": ID, **fields})


def test_what_is_left_out_is_filled_in() -> None:
    assert checked_metadata(metadata()) == Submission("1.1", "ada@example.org", "Ada", ID, "CC0", None)


def test_what_is_given_is_kept() -> None:
    given = metadata(format_version="1.0", license="CC0", transcription_from_client="I agree", nickname="", email="")
    assert checked_metadata(given) == Submission("1.0", "", "", ID, "CC0", "I agree")


@pytest.mark.parametrize("written", [ID.upper(), ID.replace("-", ""), f"urn:uuid:{ID}", f"{{{ID}}}"])
def test_an_id_may_be_written_in_several_ways(written: str) -> None:
    assert checked_metadata(metadata(verification_id=written)).verification_id == ID


@pytest.mark.parametrize(
    ("bad", "field", "message"),
    [
        (DonationMetadata(nickname="Ada", verification_id=ID), "email", "the metadata lacks 'email'"),
        (DonationMetadata(email="", verification_id=ID), "nickname", "the metadata lacks 'nickname'"),
        (DonationMetadata(email="", nickname=""), "verification_id", "expected 'verification_id' to be a UUID"),
        (metadata(verification_id="7"), "verification_id", "expected 'verification_id' to be a UUID"),
        (metadata(verification_id=f"../{ID}"), "verification_id", "expected 'verification_id' to be a UUID"),
        (metadata(format_version="2.0"), "format_version", "expected 'format_version' to be '1.0' or '1.1'"),
        (metadata(format_version=""), "format_version", "expected 'format_version' to be '1.0' or '1.1'"),
        (metadata(license="MIT"), "license", "expected 'license' to be 'CC0'"),
    ],
)
def test_a_bad_field_is_named(bad: DonationMetadata, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        checked_metadata(bad)
    assert caught.value.field == f"metadata.{field}"
    assert caught.value.message == message


def test_metadata_has_a_bound() -> None:
    with pytest.raises(InvalidRequest, match="the metadata may have 32768 bytes"):
        checked_metadata(metadata(email="x" * LARGEST_METADATA))


def test_the_size_of_a_recording_has_bounds() -> None:
    assert SMALLEST_RECORDING - 1 < 0.1 * (1 << 20) <= SMALLEST_RECORDING
    check_recording(bytes(SMALLEST_RECORDING))
    check_recording(bytes(LARGEST_RECORDING))
    with pytest.raises(UploadTooSmall, match=r"expected at least 104858 \(0.1 MiB\)"):
        check_recording(bytes(SMALLEST_RECORDING - 1))
    with pytest.raises(UploadTooLarge, match=r"4194304 bytes \(4 MiB\)"):
        check_recording(bytes(LARGEST_RECORDING + 1))


def test_a_nickname_has_thirty_characters_and_not_bytes() -> None:
    check_nickname("é" * 30)
    with pytest.raises(InvalidRequest, match="has 31 characters; expected at most 30"):
        check_nickname("é" * 31)
