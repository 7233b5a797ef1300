"""Begins donations, and takes what comes of them."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import structlog
from google.protobuf.timestamp_pb2 import Timestamp

from mesh.errors import InvalidRequest, NotOffered, UpstreamDown
from mesh.tasks import to_the_end
from mesh.times import duration
from mesh.upload_slots import Arrival
from parley.voices.v1.voices_pb2 import DonationMetadata, StartDonationResponse, SubmitDonationRequest
from voice_service.analysis.process import analysed
from voice_service.donations.consent import Consent
from voice_service.donations.errors import VerificationUnusable
from voice_service.donations.folder import DonationFolder, FolderFull, StagedDonation
from voice_service.donations.submission import (
    SMALLEST_RECORDING,
    Submission,
    check_nickname,
    check_recording,
    checked_metadata,
)
from voice_service.donations.verification import Verification, VerificationStore
from voice_service.metrics import Metrics
from voice_service.uploads import received

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How old a verification may get, in seconds."""

    kept_for_s: float = 3_600.0
    """So long it is known, so that who comes too late is told that it was too late."""
    submit_within_s: float = 300.0
    """So long it is good for a submission."""


_FULL = "no more voices can be kept here: the space for them is used up"

LIMITS = Limits()
"""Unmute's."""


class Donations:
    """Takes donations into a folder; None: none are taken. Everything raises `NotOffered` then, else `UpstreamDown`."""

    def __init__(
        self,
        folder: DonationFolder | None,
        verifications: VerificationStore,
        consent: Consent,
        metrics: Metrics,
        limits: Limits = LIMITS,
    ) -> None:
        self._folder = folder
        self._verifications = verifications
        self._consent = consent
        self._metrics = metrics
        self._limits = limits
        # What comes next must not be foreseen.
        self._random = random.SystemRandom()

    async def start(self) -> StartDonationResponse:
        """Begin one. Raises `UpstreamDown` if there would be no room for it."""
        folder = self.check_offered()
        try:
            await asyncio.to_thread(folder.check_room, SMALLEST_RECORDING)
        except FolderFull:
            raise UpstreamDown(_FULL) from None
        made = Verification(str(uuid.uuid4()), self._consent.text(self._random), time.time())
        await self._verifications.put(made, self._limits.kept_for_s)
        began = Timestamp()
        began.FromMicroseconds(round(made.created_at_s * 1_000_000))
        return StartDonationResponse(
            verification_id=made.verification_id,
            text=made.text,
            create_time=began,
            time_to_submit=duration(self._limits.submit_within_s),
        )

    def check_offered(self) -> DonationFolder:
        """The folder. Raises `NotOffered` if there is none."""
        if self._folder is None:
            raise NotOffered("voice donations are not taken here")
        return self._folder

    async def submit(self, requests: AsyncIterator[SubmitDonationRequest], arrival: Arrival) -> None:
        """Take the rest of an upload, and keep it if it fits.

        Raises `InvalidRequest` in one of its forms for the first rule, in the contract's order, that is not kept.
        """
        parts = _Parts(requests)
        recording = await received(parts.upload(), arrival)
        if parts.metadata is None:
            raise InvalidRequest("the metadata must come before finish", field="metadata")
        # Not as soon as it comes: a refusal that meets a request on its way is lost, and the client hears of no reason.
        submission = checked_metadata(parts.metadata)
        check_recording(recording)
        check_nickname(submission.nickname)
        # A donor who leaves now is not asked again: what has begun to be kept is kept.
        await to_the_end(self._keep(submission, recording))

    async def _keep(self, submission: Submission, recording: bytes) -> None:
        verification = await self._usable(submission.verification_id)
        # Only somebody with a verification makes the decoder work.
        await analysed(recording)
        staged = await self._staged(verification, submission, recording)
        # The verification is used up between the step that may run out of space and the one that can hardly fail, so
        # that it is neither lost without a donation nor good for two.
        try:
            is_ours = await self._verifications.take(verification.verification_id)
        except BaseException:
            await asyncio.to_thread(staged.discard)
            raise
        if not is_ours:
            await asyncio.to_thread(staged.discard)
            raise _unknown(self._limits)
        try:
            await asyncio.to_thread(staged.accept)
        except OSError as error:
            raise UpstreamDown("the donation could not be kept; it has to be begun anew") from error
        self._metrics.donation_kept()
        _log.info("donation kept", donation=verification.verification_id, bytes=len(recording))

    async def _usable(self, verification_id: str) -> Verification:
        """The verification, if it is still good. Raises `VerificationUnusable`."""
        kept = await self._verifications.get(verification_id)
        if kept is None:
            raise _unknown(self._limits)
        if self._limits.kept_for_s - kept.time_to_live_s > self._limits.submit_within_s:
            raise VerificationUnusable(
                f"the verification is too old; expected one that is at most {self._limits.submit_within_s:g} s old: "
                "begin anew",
                field="metadata.verification_id",
            )
        return kept.verification

    async def _staged(self, verification: Verification, submission: Submission, recording: bytes) -> StagedDonation:
        record = _record(verification, submission)
        try:
            return await asyncio.to_thread(self.check_offered().stage, verification.verification_id, recording, record)
        except OSError as error:
            raise UpstreamDown("the donation cannot be kept at present; it may be sent again") from error
        except FolderFull:
            raise UpstreamDown(_FULL) from None


class _Parts:
    """The metadata and the file of an upload, told apart."""

    def __init__(self, requests: AsyncIterator[SubmitDonationRequest]) -> None:
        self._requests = requests
        self.metadata: DonationMetadata | None = None

    async def upload(self) -> AsyncIterator[SubmitDonationRequest]:
        """The requests but for the metadata, which is kept."""
        async for request in self._requests:
            if not request.HasField("metadata"):
                yield request
                continue
            if self.metadata is not None:
                raise InvalidRequest("metadata comes once", field="metadata")
            self.metadata = request.metadata


def _unknown(limits: Limits) -> VerificationUnusable:
    return VerificationUnusable(
        "there is no such verification, or it has been used; expected the id of one begun in the last "
        f"{limits.submit_within_s:g} s",
        field="metadata.verification_id",
    )


def _record(verification: Verification, submission: Submission) -> bytes:
    """What is kept beside the recording, under Unmute's names (one is misspelt), so that its tools can read it."""
    now = datetime.now(UTC)
    record = {
        "submission": asdict(submission),
        "verification": {
            "id": verification.verification_id,
            "text": verification.text,
            "created_at_timetamp": verification.created_at_s,
        },
        "timestamp": now.timestamp(),
        "timestamp_str": now.isoformat(),
    }
    return json.dumps(record, indent=2, ensure_ascii=False).encode() + b"\n"
