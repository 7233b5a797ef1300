"""Voices over REST through the whole mesh, as Unmute's page and its load-test client use them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.e2e.mesh import Mesh, running_mesh
from tests.voice_service.donations.donor import recording_of

pytestmark = pytest.mark.e2e

PAGE = {"origin": "http://localhost:3000"}
CATALOGUE = """\
- name: Waiting room
  good: true
  comment: for the load test
  instructions: {type: smalltalk}
  source: {source_type: file, path_on_server: en-us, description: Ours., description_link: https://example.org}
- name: Not yet
  source: {source_type: freesound, url: https://freesound.org/s/1}
- name: Quizmaster
  good: true
  instructions: {type: quiz_show, language: fr}
  source:
    source_type: freesound
    url: https://freesound.org/s/2
    start_time: 3
    sound_instance: {id: 2, name: b.wav, username: someone, license: https://example.org/by}
    path_on_server: en-us+f3
- name: Butler
  good: true
  instructions: {type: butler, language: en, text: Be brief.}
  source: {source_type: file, path_on_server: en-us}
"""


@pytest.fixture(scope="module")
def own_mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Mesh, Path]]:
    """A mesh with a catalogue like Unmute's, and the folder that keeps what is donated to it."""
    folder = tmp_path_factory.mktemp("voices")
    (folder / "voices.yaml").write_text(CATALOGUE)
    told = {
        "PARLEY_VOICES_FILE": str(folder / "voices.yaml"),
        "KYUTAI_VOICE_DONATION_DIR": str(folder / "donations"),
        "PARLEY_VOICES_STORE_FILE": str(folder / "voices.sqlite3"),
    }
    with running_mesh(**told) as mesh:
        yield mesh, folder / "donations"


@pytest.mark.unmute("S8")
async def test_the_good_voices_are_listed_in_order_with_just_these_keys(own_mesh: tuple[Mesh, Path]) -> None:
    mesh, _ = own_mesh
    async with httpx2.AsyncClient(base_url=mesh.http, headers=PAGE) as http:
        answer = await http.get("/v1/voices")
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
    assert answer.json() == [
        {
            "name": "Waiting room",
            "good": True,
            "instructions": {"type": "smalltalk", "language": None},
            "source": {
                "source_type": "file",
                "path_on_server": "en-us",
                "description": "Ours.",
                "description_link": "https://example.org",
            },
        },
        {
            "name": "Quizmaster",
            "good": True,
            "instructions": {"type": "quiz_show", "language": "fr"},
            "source": {
                "source_type": "freesound",
                "url": "https://freesound.org/s/2",
                "start_time": 3,
                "sound_instance": {
                    "id": 2,
                    "name": "b.wav",
                    "username": "someone",
                    "license": "https://example.org/by",
                },
                "path_on_server": "en-us+f3",
            },
        },
        {
            "name": "Butler",
            "good": True,
            "instructions": None,
            "source": {
                "source_type": "file",
                "path_on_server": "en-us",
                "description": None,
                "description_link": None,
            },
        },
    ]


@pytest.mark.unmute("S8", "B30", "B20", "C12")
async def test_unmutes_page_donates_a_voice(own_mesh: tuple[Mesh, Path]) -> None:
    """The page asks for the text when the recording begins, and sends the file before what it says of it."""
    mesh, folder = own_mesh
    recording = recording_of(4 << 20)
    async with httpx2.AsyncClient(base_url=mesh.http, headers=PAGE, timeout=30) as http:

        async def submitted(content: bytes, **fields: Any) -> httpx2.Response:
            about = {"email": "ada@example.org", "nickname": "", "verification_id": began["id"], **fields}
            parts: list[Any] = [
                ("file", ("unmute-mic-recording.wav", content, "audio/wav")),
                ("metadata", (None, json.dumps(about))),
            ]
            answer = await http.post("/v1/voice-donation", files=parts)
            assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
            return answer

        answer = await http.get("/v1/voice-donation")
        assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
        began = answer.json()
        assert set(began) == {"id", "text", "created_at_timetamp"}
        assert len(recording) == 4 << 20
        for refused, status in (
            (await submitted(b"short"), 400),
            (await submitted(recording + b"x"), 413),
            (await submitted(recording, nickname="x" * 31), 400),
            (await submitted(recording, verification_id=None), 400),
        ):
            assert (refused.status_code, list(refused.json())) == (status, ["detail"])
        kept = await submitted(recording)
        assert (kept.status_code, kept.json()) == (200, {})
        assert (await submitted(recording)).status_code == 400
        metrics = (await http.get(f"http://127.0.0.1:{mesh.metrics(9154)}/metrics")).text
    assert "worker_voice_donation_submissions_total 1.0" in metrics
    assert sorted(each.name for each in folder.iterdir()) == [f"{began['id']}.json", f"{began['id']}.wav"]
    assert (folder / f"{began['id']}.wav").read_bytes() == recording
