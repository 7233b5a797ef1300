"""What is heard of some texts of the table: hibari speaks, Whisper tiny.en listens.

benchmarks/spoken_text.py does so for the whole table.
"""

from pathlib import Path

import numpy as np
import pytest
import soxr

from mesh.audio import SAMPLE_RATE
from mesh.engines.weights import WeightsSettings, WeightStore
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.recognition import SAMPLE_RATE as EAR_RATE
from tests.tts_proxy.spoken import taken
from tests.tts_proxy.spoken_text import hearing, texts
from tts_proxy.engines.local.engine import local_engine
from tts_proxy.engines.local.plugin import LocalSettings
from tts_proxy.spoken.utterance import WrittenUtterance

TINY = MODELS["tiny.en"]
SAMPLE = (
    "This is **very** important.",
    "See [the guide](https://example.com/a?b=c) for more.",
    "The result of 5*3 is 15.",
    "So 3**2 is 9.",
    "We know 5 < 7 is true.",
    "*a long sigh* I see what you mean.",
    'Hello <break time="1s"/> there.',
    "It costs 20 € here.",
    "We drove 60 km/h all day.",
    "Take 200 g of flour.",
)


@pytest.fixture(scope="module")
def ear(tmp_path_factory: pytest.TempPathFactory) -> WhisperModel:
    settings = WeightsSettings(models_folder=str(tmp_path_factory.mktemp("models")), models_network=False)
    found = WeightStore(settings).find(TINY.weights)
    assert found is not None, "install the extra test"
    return WhisperModel(Path(found.folder), 1, TINY.shortest)


@pytest.mark.timeout(300)
async def test_what_is_heard(ear: WhisperModel) -> None:
    rows = {row.text: row for row in texts.rows()}
    wrong = []
    async with local_engine(LocalSettings()) as engine:
        for text in SAMPLE:
            row = rows[text]
            async with engine.open(row.voice) as opened:
                utterance = WrittenUtterance(opened)
                await utterance.speak(row.text)
                await utterance.finish()
                speech = await taken(utterance)
            samples = soxr.resample(speech.samples.astype(np.float32) / 32_768, SAMPLE_RATE, EAR_RATE)
            transcript = " ".join(word.text for word in ear.decode(np.asarray(samples, np.float32), "en", "en").words)
            missed = [forms for forms in row.heard if not any(hearing.holds(transcript, form) for form in forms)]
            extra = [word for word in row.unheard if hearing.holds(transcript, word)]
            if missed or extra:
                wrong.append(f"{text!r} was heard as {transcript!r}")
    assert not wrong
