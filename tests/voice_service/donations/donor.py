"""What somebody who donates a voice sends, and what there is on disk afterwards."""

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

from grpc.aio import AioRpcError

from mesh.errors import InvalidRequest, from_rpc_error
from parley.voices.v1 import voices_pb2 as pb
from parley.voices.v1 import voices_pb2_grpc as stubs
from tests.voice_service.harness import LIMIT_S, finish, spoken, wav
from tts_proxy.engines.espeak.library import Prosody
from voice_service.donations.errors import UploadTooSmall, VerificationUnusable

SPEECH = wav(*spoken(Prosody("gmw/en-US+f3"), "Good morning to you all."))


def recording_of(size: int, last: int = 0) -> bytes:
    """Speech in a file of so many bytes; readers of WAV skip what follows the samples."""
    return SPEECH + bytes(size - len(SPEECH) - 1) + bytes([last])


RECORDING = recording_of(153_600)
_OWN = {kind.default_reason: kind for kind in (UploadTooSmall, VerificationUnusable)}
"""What only the service itself tells apart."""

Donor: TypeAlias = "stubs.VoiceServiceAsyncStub"


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def move(folder: Path, away: Path) -> None:
    folder.rename(away)


async def started(donor: Donor) -> pb.StartDonationResponse:
    try:
        return await donor.StartDonation(pb.StartDonationRequest(), timeout=LIMIT_S)
    except AioRpcError as error:
        raise from_rpc_error(error) from None


async def submitted(donor: Donor, requests: Iterable[pb.SubmitDonationRequest]) -> None:
    try:
        await donor.SubmitDonation(iter(requests), timeout=LIMIT_S)
    except AioRpcError as error:
        refused = from_rpc_error(error)
        if kind := _OWN.get(refused.reason):
            assert type(refused) is InvalidRequest
            raise kind(refused.message) from None
        raise refused from None


def config(total_bytes: int | None = None) -> pb.SubmitDonationRequest:
    return pb.SubmitDonationRequest(config=pb.SubmitDonationConfig(total_bytes=total_bytes))


def metadata(verification_id: str, nickname: str = "Ada", **fields: str) -> pb.SubmitDonationRequest:
    return pb.SubmitDonationRequest(
        metadata=pb.DonationMetadata(
            email="ada@example.org", nickname=nickname, verification_id=verification_id, **fields
        )
    )  # fmt: skip


def chunks(recording: bytes) -> list[pb.SubmitDonationRequest]:
    size = 60_000
    return [
        pb.SubmitDonationRequest(chunk=pb.RecordingChunk(content=recording[start : start + size]))
        for start in range(0, len(recording), size)
    ]


def finished(recording: bytes) -> pb.SubmitDonationRequest:
    return pb.SubmitDonationRequest(finish=finish(recording).finish)


def donation(verification_id: str, recording: bytes = RECORDING, **fields: str) -> list[pb.SubmitDonationRequest]:
    """The requests of a whole submission, as Unmute's page orders its form: the file first."""
    return [config(), *chunks(recording), metadata(verification_id, **fields), finished(recording)]
