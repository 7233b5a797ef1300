"""`/v1/voice-donation` over a real socket, in front of a real voice service, as Unmute's page and others use it."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from edge.http.uploads import LARGEST_FILE
from tests.edge.clients import http_of
from tests.edge.conftest import EdgeFactory
from tests.voice_service.donations.donor import RECORDING, recording_of
from tests.voice_service.harness import voice_service
from voice_service.donations.consent import read_consent
from voice_service.donations.submission import SMALLEST_RECORDING
from voice_service.donations.taking import Limits

PATH = "/v1/voice-donation"
PAGE = {"origin": "http://localhost:3000"}
NOBODY = "6f0f2b4e-5b1c-4f0b-9a55-2f6f6a3b7c10"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "donations"


@pytest.fixture
async def http(folder: Path, serve_edge: EdgeFactory) -> AsyncIterator[httpx2.AsyncClient]:
    async with (
        voice_service(donation_dir=str(folder), uploads=20) as voices,
        serve_edge(voices_target=voices.address, uploads=20) as edge,
        http_of(edge.port) as client,
    ):
        yield client


def about(verification_id: str | None, **fields: Any) -> str:
    """What Unmute's page says of a recording."""
    return json.dumps({"email": "ada@example.org", "nickname": "Ada", "verification_id": verification_id, **fields})


async def started(http: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await http.get(PATH, headers=PAGE)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
    began: dict[str, Any] = answer.json()
    return began


async def submitted(
    http: httpx2.AsyncClient, metadata: str | None, recording: bytes | None = RECORDING
) -> httpx2.Response:
    """The answer to a form, the file first, as the page sends it. None leaves the part out."""
    parts: list[Any] = []
    if recording is not None:
        parts.append(("file", ("unmute-mic-recording.wav", recording, "audio/wav")))
    if metadata is not None:
        parts.append(("metadata", (None, metadata)))
    answer = await http.post(PATH, files=parts or {"x": b""}, headers=PAGE, timeout=60)
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
    return answer


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


@pytest.mark.unmute("S8")
async def test_a_donation_from_the_text_to_the_files(http: httpx2.AsyncClient, folder: Path) -> None:
    began = await started(http)
    assert list(began) == ["id", "text", "created_at_timetamp"]
    assert str(uuid.UUID(began["id"], version=4)) == began["id"]
    assert began["text"].startswith(read_consent().agreement)
    assert abs(began["created_at_timetamp"] - time.time()) < 30
    answer = await submitted(http, about(began["id"]))
    assert (answer.status_code, answer.json()) == (200, {})
    assert names(folder) == {f"{began['id']}.wav", f"{began['id']}.json"}
    assert (folder / f"{began['id']}.wav").read_bytes() == RECORDING
    record = json.loads((folder / f"{began['id']}.json").read_text())
    assert record["verification"] == {
        **began,
        "created_at_timetamp": pytest.approx(began["created_at_timetamp"], abs=1e-5),
    }
    assert record["submission"] == {
        "format_version": "1.1",
        "email": "ada@example.org",
        "nickname": "Ada",
        "verification_id": began["id"],
        "license": "CC0",
        "transcription_from_client": None,
    }


async def test_the_metadata_may_come_first(http: httpx2.AsyncClient, folder: Path) -> None:
    began = await started(http)
    parts: dict[str, Any] = {
        "metadata": (None, about(began["id"], transcription_from_client="hé")),
        "file": ("a.wav", RECORDING),
    }
    answer = await http.post(PATH, files=parts, timeout=60)
    assert (answer.status_code, answer.json()) == (200, {})
    record = json.loads((folder / f"{began['id']}.json").read_text())
    assert record["submission"]["transcription_from_client"] == "hé"


@pytest.mark.unmute("S8", "B30")
@pytest.mark.parametrize(
    ("metadata", "recording", "detail"),
    [
        ("", b"", "the metadata is not JSON"),
        ("{", b"", "the metadata is not JSON"),
        ('{"email": "\udcff"}', b"", "the metadata is not JSON"),
        ('{"x":' + "[" * 10_000, b"", "the metadata is not JSON"),
        ("[]", b"", "Expected `object`, got `array`"),
        ("null", b"", "Expected `object`, got `null`"),
        ('"text"', b"", "Expected `object`, got `str`"),
        ("7", b"", "Expected `object`, got `int`"),
        ("{}", b"", "missing required field `email`"),
        (about(NOBODY, email=None), b"", "Expected `str`, got `null` - at `$.email`"),
        (about(None), b"", "Expected `str`, got `null` - at `$.verification_id`"),
        (about(NOBODY, format_version="2.0"), b"", "expected 'format_version' to be '1.0' or '1.1'"),
        (about(NOBODY, license="MIT"), b"", "expected 'license' to be 'CC0'"),
        (about("7", nickname="x" * 31), b"", "expected 'verification_id' to be a UUID"),
        (about(NOBODY, nickname="x" * 31), bytes(SMALLEST_RECORDING - 1), "expected at least 104858 (0.1 MiB)"),
        (about(NOBODY, nickname="x" * 31), bytes(SMALLEST_RECORDING), "the nickname has 31 characters; expected at"),
        (about(NOBODY, nickname="x" * 30), bytes(SMALLEST_RECORDING), "there is no such verification"),
        ("x" * 40_000, b"", "'metadata' may have 32768 bytes"),
    ],
)  # fmt: skip
async def test_each_rule_in_order(http: httpx2.AsyncClient, metadata: str, recording: bytes, detail: str) -> None:
    body = form(metadata.encode(errors="surrogateescape"), recording)
    answer = await http.post(PATH, content=body, headers={**PAGE, "content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 400
    assert list(answer.json()) == ["detail"]
    assert detail in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


def form(metadata: bytes, recording: bytes) -> bytes:
    return (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n%b\r\n'
        b'--x\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n%b\r\n--x--\r\n'
    ) % (recording, metadata)


@pytest.mark.unmute("S8")
async def test_a_submission_that_comes_too_late(folder: Path, serve_edge: EdgeFactory) -> None:
    async with (
        voice_service(donation_dir=str(folder), limits=Limits(submit_within_s=0.1)) as voices,
        serve_edge(voices_target=voices.address) as edge,
        http_of(edge.port) as http,
    ):
        began = await started(http)
        await asyncio.sleep(0.15)  # only time makes it old
        answer = await submitted(http, about(began["id"]))
    assert answer.status_code == 400
    assert "too old; expected one that is at most 0.1 s old" in answer.json()["detail"]


@pytest.mark.unmute("S8")
@pytest.mark.parametrize(
    ("metadata", "recording", "missing"), [(None, RECORDING, "metadata"), ("{", None, "file"), (None, None, "file")]
)
async def test_a_part_that_is_missing(
    http: httpx2.AsyncClient, metadata: str | None, recording: bytes | None, missing: str
) -> None:
    answer = await submitted(http, metadata, recording)
    assert answer.status_code == 422
    assert answer.json() == {"detail": f"the form has no part called {missing!r}"}


@pytest.mark.unmute("S8")
async def test_a_file_of_the_wrong_size_does_not_use_the_id_up(http: httpx2.AsyncClient, folder: Path) -> None:
    began = await started(http)
    assert (await submitted(http, about(began["id"]), b"tiny")).status_code == 400
    assert (await submitted(http, about(began["id"]), bytes(LARGEST_FILE + 1))).status_code == 413
    assert names(folder) == set()
    assert (await submitted(http, about(began["id"]), recording_of(LARGEST_FILE))).status_code == 200
    again = await submitted(http, about(began["id"]), recording_of(LARGEST_FILE))
    assert again.status_code == 400
    assert "or it has been used" in again.json()["detail"]


@pytest.mark.unmute("B20", "C12")
async def test_the_limit_is_on_the_file_and_not_on_the_form(http: httpx2.AsyncClient) -> None:
    began = await started(http)
    wordy = about(began["id"], transcription_from_client="x" * 30_000)
    answer = await submitted(http, wordy, bytes(LARGEST_FILE + 1))
    assert (answer.status_code, answer.json()) == (413, {"detail": "a recording may have 4194304 bytes (4 MiB)"})
    answer = await submitted(http, wordy, bytes(LARGEST_FILE + (1 << 20)))
    assert answer.status_code == 413
    assert (await submitted(http, wordy, recording_of(LARGEST_FILE))).status_code == 200


@pytest.mark.unmute("C12")
async def test_a_length_is_required(http: httpx2.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield form(about(NOBODY).encode(), RECORDING)

    headers = {**PAGE, "content-type": "multipart/form-data; boundary=x"}
    answer = await http.post(PATH, content=body(), headers=headers)
    assert (answer.status_code, answer.json()) == (411, {"detail": "Content-Length is required"})
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


@pytest.mark.unmute("B30")
async def test_of_several_submissions_at_once_one_is_kept(http: httpx2.AsyncClient, folder: Path) -> None:
    began = await started(http)
    recordings = [recording_of(SMALLEST_RECORDING, number) for number in range(8)]
    answers = await asyncio.gather(*(submitted(http, about(began["id"]), recording) for recording in recordings))
    statuses = [answer.status_code for answer in answers]
    assert sorted(statuses) == [200] + [400] * 7
    assert names(folder) == {f"{began['id']}.wav", f"{began['id']}.json"}
    assert (folder / f"{began['id']}.wav").read_bytes() == recordings[statuses.index(200)]


async def test_an_address_donates_so_many_times_a_day(folder: Path, serve_edge: EdgeFactory) -> None:
    async with (
        voice_service(donation_dir=str(folder)) as voices,
        serve_edge(voices_target=voices.address, donations_per_address_per_day=1) as edge,
        http_of(edge.port) as http,
    ):
        first, second = await started(http), await started(http)
        assert (await submitted(http, about(first["id"]), b"tiny")).status_code == 400
        assert (await submitted(http, about(first["id"]))).status_code == 200
        for refused in (await submitted(http, about(second["id"])), await http.get(PATH, headers=PAGE)):
            assert refused.status_code == 429
            assert 80_000 < int(refused.headers["retry-after"]) <= 86_400


async def test_where_none_are_taken_there_is_nothing(serve_edge: EdgeFactory) -> None:
    async with (
        voice_service() as voices,
        serve_edge(voices_target=voices.address) as edge,
        http_of(edge.port) as http,
    ):
        for answer in (await http.get(PATH, headers=PAGE), await submitted(http, about(NOBODY))):
            assert (answer.status_code, answer.json()) == (404, {"detail": "voice donations are not taken here"})
            assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


async def test_without_a_voice_service(serve_edge: EdgeFactory) -> None:
    async with serve_edge() as edge, http_of(edge.port) as http:
        for answer in (await http.get(PATH, headers=PAGE), await submitted(http, about(NOBODY))):
            assert (answer.status_code, answer.json()) == (503, {"detail": "no voice service can be reached"})
            assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


async def test_a_voice_service_that_is_full(folder: Path, serve_edge: EdgeFactory) -> None:
    async with (
        voice_service(donation_dir=str(folder), uploads=1) as voices,
        serve_edge(voices_target=voices.address) as edge,
        http_of(edge.port) as http,
    ):
        began = await started(http)
        answers = await asyncio.gather(*(submitted(http, about(began["id"])) for _ in range(6)))
        refused = [answer for answer in answers if answer.status_code == 503]
    assert refused
    assert {answer.json()["detail"] for answer in refused} == {"every voice service is taken"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
