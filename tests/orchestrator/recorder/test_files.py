"""A disk that is slow, full or out of order costs the recording, and nothing else."""

import asyncio
import resource
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from orchestrator.conversation import State
from orchestrator.conversation import events as ev
from orchestrator.recorder import Recorder, Recordings, records
from orchestrator.recorder.files import RecordingFile
from orchestrator.recorder.reading import replay
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1.conversation_pb2 import SessionConfig
from tests.orchestrator.recorder.kept import files, of, only, recorded, until

CONSENT, REFUSAL = SessionConfig(recording_consent=True), SessionConfig(recording_consent=False)
SECOND = bytes(48_000)
STARTED = 1_790_000_000.0


@pytest.fixture
async def recordings(tmp_path: Path) -> AsyncIterator[Recordings]:
    async with Recordings(OrchestratorSettings(recordings_folder=str(tmp_path))) as opened:
        yield opened


def consented(recordings: Recordings) -> Recorder:
    recorder = Recorder(recordings, "5e551011", asyncio.get_running_loop().time)
    recorder.apply_config(CONSENT, State())
    return recorder


def opened_file(recordings: Recordings) -> RecordingFile:
    opened = recordings.new_file("5e551011", STARTED)
    assert opened
    return opened


@contextmanager
def standstill(recordings: Recordings) -> Iterator[None]:
    """The disk does nothing meanwhile."""
    goes_on = threading.Event()
    recordings._disk.submit(goes_on.wait)
    try:
        yield
    finally:
        goes_on.set()


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """No file can be larger than this meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_it_is_named_by_when_the_session_started_and_by_its_id(recordings: Recordings, tmp_path: Path) -> None:
    await opened_file(recordings).close()
    assert only(tmp_path).name == "2026-09-21_14-13-20_5e551011.jsonl"


async def test_what_is_written_is_on_the_disk_before_it_is_closed(recordings: Recordings, tmp_path: Path) -> None:
    opened = opened_file(recordings)
    for text in (b"one\n", b"two\n"):
        opened.write(text)
        async with asyncio.timeout(5):
            while not any(file.read_bytes().endswith(text) for file in files(tmp_path)):  # noqa: ASYNC110 - the disk tells nobody
                await asyncio.sleep(0.01)
    opened.write(b"three\n")
    await opened.close()
    opened.write(b"four\n")
    assert only(tmp_path).read_bytes() == b"one\ntwo\nthree\n"


async def test_a_file_that_is_there_is_left_alone(recordings: Recordings, tmp_path: Path) -> None:
    first, second = opened_file(recordings), opened_file(recordings)
    first.write(b"one\n")
    second.write(b"two\n")
    with capture_logs() as logged:
        await second.close()
        await first.close()
    assert only(tmp_path).read_bytes() == b"one\n"
    assert [(each["event"], each["error"]) for each in logged] == [("recording stopped", "File exists")]


@pytest.mark.parametrize("discarded", [False, True])
async def test_a_disk_that_is_full(recordings: Recordings, tmp_path: Path, *, discarded: bool) -> None:
    recorder = consented(recordings)
    await until(tmp_path, ".part")
    with capture_logs() as logged, full_disk(100_000):
        for number in range(100):
            recorder.record_audio("reply_1", number, SECOND)
            recorder.record_step(1.0, ev.MicrophoneAudioArrived(number), [])
        while not logged:  # noqa: ASYNC110 - the disk tells nobody
            await asyncio.sleep(0.01)
        recorder.record_step(2.0, ev.MicrophoneAudioArrived(0), [])
        if discarded:
            recorder.refuse()
        await recorder.close()
    assert [(each["event"], each["error"]) for each in logged] == [("recording stopped", "File too large")]
    if discarded:
        assert files(tmp_path) == []
    else:
        assert only(tmp_path).stat().st_size == 100_000
        assert replay(only(tmp_path)).steps == 1
        assert not replay(only(tmp_path)).complete


async def test_a_disk_that_is_slow_keeps_nobody_waiting(recordings: Recordings, tmp_path: Path) -> None:
    with standstill(recordings):
        recorder = consented(recordings)
        with capture_logs() as logged:
            for number in range(500):
                recorder.record_audio("reply_1", number, SECOND)
        waiting = recorder._file
        assert waiting
        assert waiting.waiting < 17 << 20
    await recorder.close()
    kept = recorded(only(tmp_path))
    assert isinstance(kept[-1], records.End)
    assert kept[-1].reason == "behind"
    assert 200 < len(of(records.Audio, kept)) < 300
    assert [each["event"] for each in logged] == ["recording stopped"]


async def test_a_session_that_is_cancelled_while_it_waits_for_the_disk(recordings: Recordings, tmp_path: Path) -> None:
    with standstill(recordings):
        recorder = consented(recordings)
        closing = asyncio.create_task(recorder.close())
        await asyncio.sleep(0)
        closing.cancel()
        await asyncio.wait([closing])
        assert closing.cancelled()
    await until(tmp_path, ".jsonl")
    assert replay(only(tmp_path)).complete


async def test_the_end_of_a_session_does_not_wait_for_ever(
    recordings: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.recorder.files._CLOSE_LIMIT_S", 0.05)
    with capture_logs() as logged, standstill(recordings):
        recorder = consented(recordings)
        await recorder.close()
        assert [each["event"] for each in logged] == ["a recording waits for its disk"]
    await until(tmp_path, ".jsonl")


@pytest.mark.unmute("B17")
async def test_withdrawal_may_come_at_any_time_and_often(recordings: Recordings, tmp_path: Path) -> None:
    with standstill(recordings):
        recorder = consented(recordings)
        recorder.record_audio("reply_1", 0, SECOND)
        recorder.apply_config(REFUSAL, State())
        recorder.refuse()
        recorder.record_audio("reply_1", 24_000, SECOND)
        recorder.record_step(1.0, None, [])
        recorder.record_warning("LLM_FAILED", "Oh.")
        recorder.apply_config(CONSENT, State())
        assert not recorder.is_recording
    await recorder.close()
    await recorder.close()
    recorder.refuse()
    assert files(tmp_path) == []


async def test_a_recording_that_cannot_be_deleted_is_told(recordings: Recordings, tmp_path: Path) -> None:
    recorder = consented(recordings)
    (file,) = await until(tmp_path, ".part")
    file.unlink()
    file.mkdir()
    with capture_logs() as logged:
        recorder.refuse()
        await recorder.close()
    (told,) = logged
    assert (told["event"], told["log_level"], told["file"]) == ("a recording is left as it is", "error", str(file))


@pytest.mark.unmute("B27")
async def test_what_waits_for_the_disk_does_not_grow(recordings: Recordings) -> None:
    recorder = consented(recordings)
    most = 0
    for number in range(3_000):
        recorder.record_audio("reply_1", number * 1_920, bytes(3_840))
        if number % 100 == 0:
            await asyncio.sleep(0.01)
        assert recorder._file
        most = max(most, recorder._file.waiting)
    assert most < 16 << 20
    await recorder.close()
    assert recorder._file
    assert recorder._file.waiting == 0
