"""The embedded engine behind the proxy's interface."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from mesh.errors import AtCapacity
from mesh.extras import require
from tts_proxy.engines.espeak.cloned import cloned_prosody
from tts_proxy.engines.espeak.library import Library, Prosody, library
from tts_proxy.engines.espeak.script import Script
from tts_proxy.engines.espeak.speech import Speech, speak
from tts_proxy.engines.espeak.utterance import EspeakUtterance
from tts_proxy.engines.espeak.voices import Voices

DEFAULT_VOICE = "en-us"


@dataclass(frozen=True, slots=True, kw_only=True)
class EspeakOptions:
    """How the engine works."""

    capacity: int = 64
    """Utterances at once."""
    voice: str = DEFAULT_VOICE
    """The default voice."""
    rate: int = 175
    """Words per minute, 80 to 450."""
    patience_s: float = 0.3
    """How long text may wait for the end of its clause."""


@asynccontextmanager
async def espeak_engine(options: EspeakOptions) -> AsyncIterator["EspeakEngine"]:
    """Load the engine and keep it while the block runs.

    Raises `VoiceNotFound` if its default voice does not exist, `MissingExtra` if its packages are not installed.
    """
    require("the embedded voice", "embedded", "espeakng_loader")
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")
    try:
        loaded = await asyncio.get_running_loop().run_in_executor(thread, library)
        yield EspeakEngine(options, loaded, thread)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


class EspeakEngine:
    """A `SynthesisEngine`.

    One thread speaks for all utterances, in the order in which they ask. An utterance asks for one clause at a time, so
    they take turns, and none waits for more than one clause of each other.
    """

    def __init__(self, options: EspeakOptions, library: Library, thread: Executor) -> None:
        self._options = options
        self._library = library
        self._thread = thread
        self._voices = Voices(library, options.voice)
        self._open = 0

    name = "espeak"

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""
        return self._options.capacity

    @property
    def available(self) -> bool:
        """Once loaded, it stays."""
        return True

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[EspeakUtterance]:
        """Lease a slot for an utterance. Raises `VoiceNotFound` and `AtCapacity`."""
        prosody = self._prosody(voice) if embedding is None else cloned_prosody(embedding, self._voices)
        if self._open >= self.capacity:
            raise AtCapacity("every voice is taken")
        self._open += 1
        try:
            yield EspeakUtterance(partial(self._say, prosody), self._options.patience_s)
        finally:
            self._open -= 1

    def _prosody(self, voice: str) -> Prosody:
        return Prosody(self._voices.identifier(voice), rate=self._options.rate)

    async def _say(self, prosody: Prosody, script: Script) -> Speech:
        return await speak(script, prosody, self._library, self._thread)
