import asyncio

import msgspec
import pytest

from voice_service.analysis import process
from voice_service.analysis.features import VoiceFeatures
from voice_service.analysis.process import analysed, plain_wav

VOICE = VoiceFeatures(pitch_hz=200.0, spread_hz=40.0, syllables_per_s=4.0)


async def test_two_recordings_at_a_time_whatever_they_are_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes a core and 300 MB, for a clone and for a donation alike."""
    running: list[str] = []
    most = 0

    async def ran(task: str, _recording: bytes) -> bytes:
        nonlocal most
        running.append(task)
        most = max(most, len(running))
        for _ in range(5):
            await asyncio.sleep(0)
        running.remove(task)
        return msgspec.json.encode(VOICE) if task == "features" else b"RIFF"

    monkeypatch.setattr(process, "_ran", ran)
    await asyncio.gather(*(task(b"") for _ in range(3) for task in (analysed, plain_wav)))
    assert most == 2
