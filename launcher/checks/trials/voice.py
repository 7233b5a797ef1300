"""Has the embedded voice say a word."""

import asyncio
import os

import numpy as np

from mesh.audio import SAMPLE_RATE
from mesh.errors import VoiceNotFound
from mesh.settings import load
from tts_proxy.engine import Audio
from tts_proxy.engines.espeak.engine import DEFAULT_VOICE, EspeakOptions, espeak_engine
from tts_proxy.settings import TtsSettings


async def spoken(options: EspeakOptions) -> bytes:
    """The word."""
    async with espeak_engine(options) as engine, engine.open("") as utterance:
        await utterance.speak("Parley.")
        await utterance.finish()
        return b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])


def main() -> None:
    """Speak as the environment says."""
    settings = load(TtsSettings, os.environ)
    voice = settings.voice or DEFAULT_VOICE
    try:
        pcm = asyncio.run(spoken(EspeakOptions(voice=voice, rate=settings.rate)))
    except VoiceNotFound as error:
        raise SystemExit(f"PARLEY_TTS_VOICE: {error.message}") from None
    if not np.frombuffer(pcm, "<i2").any():
        raise SystemExit("it made no sound")
    length_s = len(pcm) / 2 / SAMPLE_RATE
    print(f'eSpeak NG has said "Parley", {length_s:.1f} s of speech, in the voice {voice}')


if __name__ == "__main__":
    main()
