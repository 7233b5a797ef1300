"""Donations to a real process: what it counts, how it begins, and what is left when it is killed."""

import asyncio
import json
import os
import sys
from collections import Counter
from pathlib import Path

import httpx2
import pytest

from mesh.errors import MeshError
from tests.voice_service.donations.donor import RECORDING, Donor, donation, names, started, submitted
from tests.voice_service.harness import client_of, process


@pytest.mark.unmute("S12")
async def test_donations_that_are_kept_are_counted(tmp_path: Path) -> None:
    told = {
        "KYUTAI_VOICE_DONATION_DIR": str(tmp_path / "donations"),
        "PARLEY_VOICES_STORE_FILE": str(tmp_path / "voices.sqlite3"),
    }
    async with process(**told) as service, client_of(service.address) as client, httpx2.AsyncClient() as http:
        assert "worker_voice_donation_submissions_total 0.0" in (await http.get(service.metrics)).text
        for _ in range(2):
            await submitted(client.stub, donation((await started(client.stub)).verification_id))
        with pytest.raises(MeshError):
            await submitted(client.stub, donation((await started(client.stub)).verification_id, b"tiny"))
        told_now = (await http.get(service.metrics)).text
    assert "# TYPE worker_voice_donation_submissions_total counter" in told_now
    assert "worker_voice_donation_submissions_total 2.0" in told_now


@pytest.mark.parametrize("problem", ["a file", "nowhere"])
async def test_a_folder_that_cannot_be_used_ends_the_process_with_one_line(tmp_path: Path, problem: str) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / "file" if problem == "a file" else tmp_path / "file" / "donations"
    told = {
        "PARLEY_VOICES_DONATION_FOLDER": str(folder),
        "PARLEY_VOICES_STORE_FILE": str(tmp_path / "voices.sqlite3"),
        "PARLEY_VOICES_PORT": "0",
        "PARLEY_VOICES_METRICS_PORT": "0",
    }
    ended = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voice_service", env={**os.environ, **told}, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await ended.communicate()
    assert ended.returncode == 1
    assert b"the folder for donated voices cannot be used" in stderr
    assert str(folder).encode() in stderr
    assert b"Traceback" not in stderr


@pytest.mark.unmute("S8")
async def test_a_service_that_is_killed_leaves_whole_donations_only_and_all_that_it_has_confirmed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "donations"
    told = {"PARLEY_VOICES_DONATION_FOLDER": str(folder), "PARLEY_VOICES_STORE_FILE": str(tmp_path / "voices.sqlite3")}
    outcomes: dict[str, bool] = {}
    for moment_s in (0.05, 0.1, 0.15, 0.2, 0.3):
        async with process(**told) as service, client_of(service.address) as client:
            donors = [asyncio.create_task(donate_on(client.stub, outcomes)) for _ in range(4)]
            before = sum(outcomes.values())
            async with asyncio.timeout(60):
                while sum(outcomes.values()) == before:  # noqa: ASYNC110 - nobody tells
                    await asyncio.sleep(0.01)
            await asyncio.sleep(moment_s)  # the moment is what is tried
            await service.kill()
            await asyncio.gather(*donors)
    async with process(**told):
        kept = Counter(name.partition(".")[0] for name in names(folder))
    assert set(kept.values()) == {2}
    assert {donated for donated, confirmed in outcomes.items() if confirmed} <= set(kept) <= set(outcomes)
    for donated in kept:
        assert (folder / f"{donated}.wav").read_bytes() == RECORDING
        assert json.loads((folder / f"{donated}.json").read_text())["verification"]["id"] == donated


async def donate_on(donor: Donor, outcomes: dict[str, bool]) -> None:
    """Donate until the service is gone, and note which were confirmed."""
    while True:
        try:
            verification_id = (await started(donor)).verification_id
            outcomes[verification_id] = False
            await submitted(donor, donation(verification_id))
        except MeshError:
            return
        outcomes[verification_id] = True
