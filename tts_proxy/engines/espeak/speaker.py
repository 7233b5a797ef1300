"""A voice of eSpeak's, speaking clauses in the working format."""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from tts_proxy.clauses.alignment import aligned
from tts_proxy.clauses.script import Script, script_of
from tts_proxy.clauses.speech import SILENCE, Speech
from tts_proxy.clauses.splitting import Clause
from tts_proxy.engines.espeak.library import Library, Prosody
from tts_proxy.engines.espeak.voices import Voices, cloned_prosody


class EspeakVoices:
    """The library's voices, as `ClauseVoices`. One thread speaks for all of them, in the order in which they are asked.

    `voice` is the default one's name, `rate` the words per minute of voices that are no clones. Raises `VoiceNotFound`.
    """

    name = "espeak"
    voices: Mapping[str, Sequence[str]] = {"espeak": ()}
    """No list: a language and a variant make a voice, thousands in all."""

    def __init__(self, library: Library, thread: Executor, *, voice: str, rate: int) -> None:
        self._library = library
        self._thread = thread
        self._voices = Voices(library, voice)
        self._rate = rate

    def speaker(self, voice: str, embedding: bytes | None = None) -> "EspeakSpeaker":
        """Return a voice; an empty name is the default's. Raises `VoiceNotFound`."""
        if embedding is None:
            prosody = Prosody(self._voices.identifier(voice), rate=self._rate)
        else:
            prosody = cloned_prosody(embedding, self._voices)
        return EspeakSpeaker(prosody, self._library, self._thread)


class EspeakSpeaker:
    """A `Speaker` with one prosody."""

    def __init__(self, prosody: Prosody, library: Library, thread: Executor) -> None:
        self._prosody = prosody
        self._library = library
        self._thread = thread

    async def say(self, clause: Clause) -> Speech:
        """Speak a clause. Cancelling this stops the library within its next 20 ms of speech."""
        # An identifier is the family of a language and its tag: "gmw/en-US+f3".
        script = script_of(clause, self._prosody.voice.rpartition("/")[2])
        if not script.words:
            return SILENCE
        given_up = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._speak, script, given_up.is_set)
        finally:
            given_up.set()

    def _speak(self, script: Script, given_up: Callable[[], bool]) -> Speech:
        recording = self._library.speak(script.text, self._prosody, given_up)
        # A clause at a time: resampling a stream would delay it by 120 ms.
        samples: NDArray[np.int16] = soxr.resample(recording.samples, self._library.sample_rate, SAMPLE_RATE)
        return Speech(samples, aligned(script.words, recording.words, len(samples) / SAMPLE_RATE))
