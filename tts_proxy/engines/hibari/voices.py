"""hibari's voices, loaded and ready to speak."""

import asyncio
import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from tts_proxy.clauses.splitting import Clause, Ending
from tts_proxy.engines.hibari.model import Model
from tts_proxy.engines.hibari.pronunciation import Pronunciation
from tts_proxy.engines.hibari.speaker import HibariVoice, HibariVoices

DEFAULT_VOICE = "en-us-heart"
"""The voice that the package brings."""
NATURAL_RATE = 175
"""The words per minute at which a voice keeps the pace it was trained with: by chance, eSpeak's default."""
_SLOWEST, _FASTEST = 0.5, 2.0
"""What the network was made for, as parts of its natural speed."""
_FIRST = "A sentence of the usual length, which xyloquents speak before anybody listens."
"""Spoken once at the start and discarded. The first speech, and the first unknown word, take several times as long as
later ones."""

_log = structlog.get_logger()


@asynccontextmanager
async def hibari_voices(*, voice: str = DEFAULT_VOICE, rate: int = NATURAL_RATE) -> AsyncIterator[HibariVoices]:
    """Load the voices that are here, and keep them while the block runs. Raises `VoiceNotFound` for an unknown one."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="hibari")
    try:
        loaded = await asyncio.get_running_loop().run_in_executor(thread, load_voices)
        speed = min(max(rate / NATURAL_RATE, _SLOWEST), _FASTEST)
        voices = HibariVoices(loaded, thread, default=voice, speed=speed)
        await voices.speaker("").say(Clause(tuple(_FIRST.split()), Ending.SENTENCE))
        yield voices
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def load_voices() -> dict[str, HibariVoice]:
    """Load the voices whose files are here, by what they are called: "en-us-heart", "en-gb-emma". Blocks.

    The package brings one. Its other voices are never downloaded here; they are offered where hibari's own command has
    put them (`hibari --voice emma …`).
    """
    from hibari.tts import ASSETS  # noqa: PLC0415
    from hibari.voices import VOICES  # noqa: PLC0415

    numbers = json.loads((Path(ASSETS) / "vocab.json").read_text())
    accents: dict[bool, Pronunciation] = {}
    loaded = {}
    for name, path in files_of_voices().items():
        british = bool(VOICES[name]["british"])
        if british not in accents:
            accents[british] = Pronunciation(british=british, numbers=numbers)
        loaded[called(name)] = HibariVoice(Model(path), accents[british])
    return loaded


def files_of_voices() -> dict[str, Path]:
    """Find the files of the voices that are here, by hibari's names for them. It takes some milliseconds."""
    # Here, so that a proxy without this engine needs no such package.
    from hibari.voices import VOICES, sha256_of, voice_path  # noqa: PLC0415

    found = {}
    for name, voice in VOICES.items():
        try:
            path = voice_path(name, download_missing=False)
        except FileNotFoundError:
            continue
        if sha256_of(path) == voice["sha256"]:
            found[name] = Path(path)
        else:
            _log.warning("a voice's file is not what hibari says it is, and is not used", voice=name, path=path)
    return found


def called(name: str) -> str:
    """Return what a voice of hibari's is called from outside, its language first: "en-us-heart"."""
    from hibari.voices import VOICES  # noqa: PLC0415

    return f"{VOICES[name]['language'].lower()}-{name}"
