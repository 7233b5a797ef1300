"""The embedded engine behind the proxy's interface."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial

from mesh.errors import AtCapacity
from tts_proxy.engines.espeak.library import Library, Prosody, library
from tts_proxy.engines.espeak.plugin import EspeakSettings, check_installed
from tts_proxy.engines.espeak.script import Script
from tts_proxy.engines.espeak.speech import Speech, speak
from tts_proxy.engines.espeak.utterance import EspeakUtterance
from tts_proxy.engines.espeak.voices import Voices, cloned_prosody


@asynccontextmanager
async def espeak_engine(settings: EspeakSettings) -> AsyncIterator["EspeakEngine"]:
    """Load the engine and keep it while the block runs.

    Raises `VoiceNotFound` if its default voice does not exist, `MissingExtra` if its packages are not installed.
    """
    check_installed()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")
    try:
        loaded = await asyncio.get_running_loop().run_in_executor(thread, library)
        yield EspeakEngine(settings, loaded, thread)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


class EspeakEngine:
    """A `SynthesisEngine`.

    One thread speaks for all utterances, in the order in which they ask. An utterance asks for one clause at a time, so
    they take turns, and none waits for more than one clause of each other.
    """

    def __init__(self, settings: EspeakSettings, library: Library, thread: Executor) -> None:
        self._settings = settings
        self._library = library
        self._thread = thread
        self._voices = Voices(library, settings.default_voice)
        self._open = 0

    name = "espeak"

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""
        return self._settings.capacity

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
            yield EspeakUtterance(partial(self._say, prosody), self._settings.patience_s)
        finally:
            self._open -= 1

    def _prosody(self, voice: str) -> Prosody:
        return Prosody(self._voices.identifier(voice), rate=self._settings.rate)

    async def _say(self, prosody: Prosody, script: Script) -> Speech:
        return await speak(script, prosody, self._library, self._thread)
