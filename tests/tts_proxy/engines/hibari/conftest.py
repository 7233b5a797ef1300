from concurrent.futures import ThreadPoolExecutor

import pytest

from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.hibari.speaker import HibariVoice, HibariVoices
from tts_proxy.engines.hibari.voices import DEFAULT_VOICE, load_voices


@pytest.fixture(scope="session")
def loaded() -> dict[str, HibariVoice]:
    """The voices of the package, loaded once."""
    return load_voices()


@pytest.fixture
def engine(loaded: dict[str, HibariVoice]) -> ClauseEngine:
    voices = HibariVoices(loaded, ThreadPoolExecutor(max_workers=1), default=DEFAULT_VOICE, speed=1.0)
    return ClauseEngine(voices, capacity=16, patience_s=0.3)
