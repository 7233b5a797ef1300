"""What `parley doctor` does with a voice on this machine."""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager

import numpy as np

from mesh.audio import SAMPLE_RATE
from mesh.engines.findings import Finding, fine, wrong
from mesh.settings import SettingError
from tts_proxy.embedded import EmbeddedSettings
from tts_proxy.engine import Audio, SynthesisEngine


async def says_a_word(
    name: str, engine: AbstractAsyncContextManager[SynthesisEngine], settings: EmbeddedSettings, package: str
) -> Sequence[Finding]:
    """Have the engine `name`, of a Python package, say a word."""
    try:
        async with engine as running, running.open("") as utterance:
            begun = time.perf_counter()
            await utterance.speak("Parley.")
            await utterance.finish()
            pcm = b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])
            took_ms = (time.perf_counter() - begun) * 1_000
    except SettingError as error:
        return [wrong(name, str(error), f"unset PARLEY_TTS_VOICE, or set it to {settings.own_voice}")]
    if not np.frombuffer(pcm, "<i2").any():
        return [wrong(name, "it made no sound", f"pip install --force-reinstall {package}")]
    length_s = len(pcm) / 2 / SAMPLE_RATE
    said = f'"Parley" was said in {took_ms:.0f} ms, {length_s:.1f} s of speech, in the voice {settings.default_voice}'
    return [fine(name, said)]
