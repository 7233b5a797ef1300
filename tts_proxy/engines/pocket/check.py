"""What `parley doctor` does with Pocket TTS."""

from collections.abc import Sequence

from mesh.engines.findings import Finding, fine, wrong
from mesh.engines.plugins import EngineUnavailable
from mesh.settings import SettingError
from tts_proxy.engine import Audio
from tts_proxy.engines.pocket.engine import pocket_engine
from tts_proxy.engines.pocket.plugin import PocketSettings


async def says_a_word(settings: PocketSettings) -> Sequence[Finding]:
    """Have it say a word."""
    try:
        async with pocket_engine(settings) as running, running.open("") as utterance:
            await utterance.speak("Parley.")
            await utterance.finish()
            pcm = b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])
    except SettingError as error:
        return [wrong("pocket", str(error), "see docs/engines.md for its settings")]
    except EngineUnavailable as error:
        return [wrong("pocket", str(error), "let it reach the hub once, or set PARLEY_TTS_ENGINE to local")]
    return [fine("pocket", "it speaks") if any(pcm) else wrong("pocket", "it made no sound", "pip install pocket-tts")]
