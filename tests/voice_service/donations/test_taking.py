"""Donations over a real socket, from the text that is read to the files that are kept."""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mesh.errors import (
    AtCapacity,
    BadAudio,
    ConfigRequired,
    InvalidRequest,
    MeshError,
    NotOffered,
    UploadIncomplete,
    UploadTooLarge,
    UpstreamDown,
)
from mesh.times import seconds
from parley.voices.v1 import voices_pb2 as pb
from tests.voice_service.analysis.media import made
from tests.voice_service.donations.donor import (
    RECORDING,
    Donor,
    chunks,
    config,
    donation,
    finished,
    metadata,
    move,
    names,
    recording_of,
    started,
    submitted,
)
from tests.voice_service.harness import LIMIT_S, Client, client_of, voice_service, wav
from voice_service.donations.consent import read_consent
from voice_service.donations.errors import UploadTooSmall, VerificationUnusable
from voice_service.donations.submission import SMALLEST_RECORDING
from voice_service.donations.taking import Limits
from voice_service.uploads import LARGEST_RECORDING


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "donations"


@pytest.fixture
async def donor(folder: Path) -> AsyncIterator[Donor]:
    async with voice_service(donation_dir=str(folder)) as server, client_of(server.address) as client:
        yield client.stub


async def test_a_donation_begins_with_a_text_to_read(donor: Donor) -> None:
    began, another = await started(donor), await started(donor)
    assert began.text.startswith(read_consent().agreement)
    assert (began.verification_id, began.text) != (another.verification_id, another.text)
    assert abs(began.create_time.seconds - time.time()) < 30
    assert seconds(began.time_to_submit) == 300


@pytest.mark.unmute("S8")
async def test_a_donation_is_kept_as_unmute_keeps_it(donor: Donor, folder: Path) -> None:
    began = await started(donor)
    await submitted(donor, donation(began.verification_id, transcription_from_client="I agree"))
    assert (folder / f"{began.verification_id}.wav").read_bytes() == RECORDING
    record = json.loads((folder / f"{began.verification_id}.json").read_text())
    assert record["submission"] == {
        "format_version": "1.1",
        "email": "ada@example.org",
        "nickname": "Ada",
        "verification_id": began.verification_id,
        "license": "CC0",
        "transcription_from_client": "I agree",
    }
    created = began.create_time.seconds + began.create_time.nanos / 1e9
    assert record["verification"] == {
        "id": began.verification_id,
        "text": began.text,
        "created_at_timetamp": pytest.approx(created, abs=1e-5),
    }
    assert created <= record["timestamp"] <= time.time()
    assert datetime.fromisoformat(record["timestamp_str"]).timestamp() == pytest.approx(record["timestamp"])
    assert list(record) == ["submission", "verification", "timestamp", "timestamp_str"]


@pytest.mark.parametrize("order", ["metadata first", "metadata among the chunks"])
async def test_the_metadata_may_come_anywhere(donor: Donor, folder: Path, order: str) -> None:
    verification_id = (await started(donor)).verification_id
    about, parts = metadata(verification_id), chunks(RECORDING)
    between = [about, *parts] if order == "metadata first" else [parts[0], about, *parts[1:]]
    await submitted(donor, [config(), *between, finished(RECORDING)])
    assert (folder / f"{verification_id}.wav").read_bytes() == RECORDING


@pytest.mark.unmute("S8")
async def test_an_id_is_used_up_by_a_donation_that_is_kept_and_by_no_other(donor: Donor, folder: Path) -> None:
    verification_id = (await started(donor)).verification_id
    for refused, error in (
        (donation(verification_id, bytes(SMALLEST_RECORDING - 1)), UploadTooSmall),
        (donation(verification_id, nickname="x" * 31), InvalidRequest),
        (donation(verification_id, license="MIT"), InvalidRequest),
        (donation(verification_id)[:-1], UploadIncomplete),
    ):
        with pytest.raises(error):
            await submitted(donor, refused)
    assert names(folder) == set()
    await submitted(donor, donation(verification_id, recording_of(SMALLEST_RECORDING)))
    with pytest.raises(VerificationUnusable, match="no such verification, or it has been used"):
        await submitted(donor, donation(verification_id))
    assert names(folder) == {f"{verification_id}.wav", f"{verification_id}.json"}


@pytest.mark.unmute("S8")
async def test_rules_are_looked_at_in_order(donor: Donor) -> None:
    """Each submission breaks one rule less than the one before it."""
    tiny, unknown, long = b"tiny", "6f0f2b4e-5b1c-4f0b-9a55-2f6f6a3b7c10", "x" * 31
    steps: Sequence[tuple[list[pb.SubmitDonationRequest], type[MeshError], str]] = [
        (donation("7", tiny, nickname=long), InvalidRequest, "to be a UUID"),
        (donation(unknown, tiny, nickname=long), UploadTooSmall, "at least 104858"),
        (donation(unknown, nickname=long), InvalidRequest, "nickname has 31 characters"),
        (donation(unknown), VerificationUnusable, "no such verification"),
    ]
    for requests, error, message in steps:
        with pytest.raises(error, match=message):
            await submitted(donor, requests)


@pytest.mark.parametrize(
    ("requests", "error", "field"),
    [
        ([], ConfigRequired, "config"),
        (chunks(RECORDING), ConfigRequired, "config"),
        ([config(), *chunks(RECORDING), finished(RECORDING)], InvalidRequest, "metadata"),
        ([config(), metadata("a" * 32), metadata("a" * 32)], InvalidRequest, "metadata"),
        ([config(), config()], InvalidRequest, "config"),
        ([config(), pb.SubmitDonationRequest()], InvalidRequest, "request"),
        ([config(), metadata("a" * 32), *chunks(bytes(LARGEST_RECORDING + 1))], UploadTooLarge, "chunk"),
        ([config(LARGEST_RECORDING + 1)], UploadTooLarge, "config.total_bytes"),
        (donation("7"), InvalidRequest, "metadata.verification_id"),
    ],
)
async def test_what_is_no_submission_is_refused(
    donor: Donor, requests: list[pb.SubmitDonationRequest], error: type[MeshError], field: str
) -> None:
    with pytest.raises(error) as caught:
        await submitted(donor, requests)
    assert (type(caught.value), caught.value.field) == (error, field)


@pytest.mark.unmute("S8")
async def test_a_submission_that_comes_too_late_is_told_so(folder: Path) -> None:
    brief = Limits(submit_within_s=0.1)
    async with voice_service(donation_dir=str(folder), limits=brief) as server, client_of(server.address) as client:
        verification_id = (await started(client.stub)).verification_id
        await asyncio.sleep(0.15)  # only time makes it old
        with pytest.raises(VerificationUnusable, match=r"too old; expected one that is at most 0\.1 s old"):
            await submitted(client.stub, donation(verification_id))
    assert names(folder) == set()


@pytest.mark.unmute("B30")
async def test_of_several_who_submit_at_once_to_two_replicas_one_is_kept(folder: Path, tmp_path: Path) -> None:
    shared: dict[str, Any] = {
        "donation_dir": str(folder),
        "store_file": str(tmp_path / "voices.sqlite3"),
        "uploads": 20,
    }
    async with (
        voice_service(**shared) as one,
        voice_service(**shared) as other,
        client_of(one.address) as here,
        client_of(other.address) as there,
    ):
        verification_id = (await started(here.stub)).verification_id
        recordings = [recording_of(SMALLEST_RECORDING, number) for number in range(8)]
        outcomes = await asyncio.gather(
            *(
                submitted((here, there)[number % 2].stub, donation(verification_id, recording))
                for number, recording in enumerate(recordings)
            ),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes].count(VerificationUnusable) == 7
    winner = outcomes.index(None)
    assert names(folder) == {f"{verification_id}.wav", f"{verification_id}.json"}
    assert (folder / f"{verification_id}.wav").read_bytes() == recordings[winner]


async def test_who_leaves_at_the_end_leaves_a_whole_donation_or_none(donor: Donor, folder: Path) -> None:
    for wait_s in (0.0, 0.002, 0.004, 0.008, 0.016, 0.032):
        verification_id = (await started(donor)).verification_id
        call = donor.SubmitDonation(iter(donation(verification_id)), timeout=LIMIT_S)
        await asyncio.sleep(wait_s)  # the moment is what is tried
        call.cancel()
        try:
            await submitted(donor, donation(verification_id))
        except VerificationUnusable:
            await _kept(folder / f"{verification_id}.json")  # what has begun to be kept is kept, though not at once
        assert (folder / f"{verification_id}.wav").read_bytes() == RECORDING


async def _kept(file: Path) -> None:
    async with asyncio.timeout(LIMIT_S):
        while not file.exists():  # noqa: ASYNC110, ASYNC240 - a folder does not tell
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "recording",
    [
        bytes(4 << 20),
        b"hello " * 30_000,
        random.Random(1).randbytes(4 << 20),  # noqa: S311 - the same each time
        b"\xff\xd8\xff\xe0" + bytes(200_000),
        wav(np.zeros(100_000, np.float32), 24_000),
        wav(np.random.default_rng(1).normal(0, 0.1, 100_000).astype(np.float32), 24_000),
    ],
    ids=["zeros", "text", "random", "picture", "silence", "noise"],
)
async def test_what_nobody_speaks_in_is_not_kept_and_leaves_the_id_good(
    donor: Donor, folder: Path, recording: bytes
) -> None:
    verification_id = (await started(donor)).verification_id
    with pytest.raises(BadAudio, match="the recording cannot be used"):
        await submitted(donor, donation(verification_id, recording))
    assert names(folder) == set()
    await submitted(donor, donation(verification_id))


@pytest.mark.parametrize("row", [("ipod", "aac", 44_100), ("webm", "libopus", 48_000), ("caf", "alac", 44_100)])
async def test_what_a_phone_or_a_browser_records_is_kept_as_it_is(
    donor: Donor, folder: Path, row: tuple[str, str, int]
) -> None:
    recording = made(*row)
    recording += bytes(max(0, SMALLEST_RECORDING - len(recording)))
    verification_id = (await started(donor)).verification_id
    await submitted(donor, donation(verification_id, recording))
    assert (folder / f"{verification_id}.wav").read_bytes() == recording


async def test_donations_take_no_more_space_than_they_may(folder: Path) -> None:
    async with (
        voice_service(donation_dir=str(folder), donation_limit_mib=1) as server,
        client_of(server.address) as client,
    ):
        ids = [(await started(client.stub)).verification_id for _ in range(2)]
        await submitted(client.stub, donation(ids[0], recording_of(900_000)))
        with pytest.raises(UpstreamDown, match="the space for them is used up"):
            await submitted(client.stub, donation(ids[1], recording_of(200_000)))
        await submitted(client.stub, donation(ids[1], recording_of(SMALLEST_RECORDING)))
        with pytest.raises(UpstreamDown, match="the space for them is used up"):
            await started(client.stub)
    assert sum(each.stat().st_size for each in folder.iterdir()) <= 1 << 20  # noqa: ASYNC240 - the service is gone


async def test_without_a_folder_none_are_taken() -> None:
    async with voice_service() as server, client_of(server.address) as client:
        with pytest.raises(NotOffered, match="voice donations are not taken here"):
            await started(client.stub)
        with pytest.raises(NotOffered):
            await submitted(client.stub, donation("a" * 32))


async def test_a_disk_that_refuses_leaves_the_id_good(donor: Donor, folder: Path) -> None:
    verification_id = (await started(donor)).verification_id
    away = folder.with_name("away")
    move(folder, away)
    with pytest.raises(UpstreamDown, match="cannot be kept at present; it may be sent again"):
        await submitted(donor, donation(verification_id))
    move(away, folder)
    await submitted(donor, donation(verification_id))
    assert (folder / f"{verification_id}.json").exists()


async def test_donations_and_recordings_for_voices_share_the_room_for_uploads(folder: Path) -> None:
    async with voice_service(donation_dir=str(folder), uploads=1) as server, client_of(server.address) as client:
        slow = client.stub.SubmitDonation(timeout=LIMIT_S)
        await slow.write(config())
        await slow.initial_metadata()
        with pytest.raises(AtCapacity):
            await client.create(RECORDING)
        slow.cancel()
        verification_id = (await started(client.stub)).verification_id
        await kept_in_the_end(client, verification_id)
    assert (folder / f"{verification_id}.json").exists()


async def kept_in_the_end(client: Client, verification_id: str) -> None:
    """Submit until there is room: the server learns only after a moment that somebody has left."""
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await submitted(client.stub, donation(verification_id))
            except AtCapacity:
                await asyncio.sleep(0.02)
