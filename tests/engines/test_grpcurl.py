"""Both proxies over production engines, as an engineer with grpcurl sees them."""

import base64

import pytest

from standins.stt.engine import SttEngine
from standins.stt.options import SttOptions
from standins.tts.engine import TtsEngine
from tests.e2e.grpcurl import NEEDS_GRPCURL, SERVICES, grpcurl, messages
from tests.engines.proxies import proxies_before
from tests.speech import say

pytestmark = [*NEEDS_GRPCURL]


async def test_both_proxies() -> None:
    async with (
        SttEngine(SttOptions(script=("what time is it",))).serving() as stt,
        TtsEngine().serving() as tts,
        proxies_before([stt], [tts]) as proxies,
    ):
        pcm = (say("What time is it?") * 32_767).astype("<i2").tobytes() + bytes(48_000)
        frames = [pcm[start : start + 3_840] for start in range(0, len(pcm), 3_840)]
        asked = [
            {"config": {}},
            *({"audio": {"audio": base64.b64encode(frame).decode()}} for frame in frames),
            {"flush": {"flush_id": 1}},
            {"finish": {}},
        ]
        code, output, error = await grpcurl(proxies.stt.address, f"{SERVICES['stt']}/Transcribe", requests=asked)
        assert code == 0, error
        heard = [event["word"]["text"] for event in messages(output) if "word" in event]
        assert heard == ["what", "time", "is", "it"]

        asked = [{"config": {}}, {"text": {"text": "Time for tea."}}, {"finish": {}}]
        code, output, error = await grpcurl(proxies.tts.address, f"{SERVICES['tts']}/Synthesize", requests=asked)
        assert code == 0, error
        spoken = [event["word"]["text"] for event in messages(output) if "word" in event]
        assert spoken == ["Time", "for", "tea."]


@pytest.mark.parametrize("process", ["stt", "tts"])
async def test_they_are_listed(process: str) -> None:
    async with (
        SttEngine().serving() as stt,
        TtsEngine().serving() as tts,
        proxies_before([stt], [tts]) as proxies,
    ):
        code, listed, _ = await grpcurl(getattr(proxies, process).address, "list")
        assert code == 0
        assert SERVICES[process] in listed.split()
