"""Loads Pocket TTS, and speaks clauses with it.

The package fetches its models and voices from the hub, into the hub's own cache, and verifies them itself.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from mesh.engines.plugins import EngineUnavailable
from mesh.errors import UpstreamDown, VoiceNotFound
from mesh.settings import SettingError
from tts_proxy.clauses.alignment import aligned
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.clauses.script import Script, script_of
from tts_proxy.clauses.speech import SILENCE, Speech
from tts_proxy.clauses.splitting import Clause
from tts_proxy.engines.hibari.speaker import audible
from tts_proxy.engines.pocket.plugin import PocketSettings, check_installed
from tts_proxy.spoken.readings import ENGLISH

_NAME: Final = "pocket"


@asynccontextmanager
async def pocket_engine(settings: PocketSettings) -> AsyncIterator[ClauseEngine]:
    """Load the model and the voices, and keep them while the block runs.

    Raises `MissingExtra`, `SettingError` for a language or a voice that there is not, and `EngineUnavailable` if what
    is needed cannot be fetched.
    """
    check_installed()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pocket")
    try:
        voices = await asyncio.get_running_loop().run_in_executor(thread, _loaded, settings, thread)
        yield ClauseEngine(voices, capacity=settings.capacity, patience_s=settings.patience_s)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)


def _loaded(settings: PocketSettings, thread: Executor) -> "PocketVoices":
    from pocket_tts import TTSModel  # noqa: PLC0415 - it takes seconds, and only where this engine is wanted
    from pocket_tts.default_parameters import get_default_voice_for_language  # noqa: PLC0415 - see above

    language = settings.language
    try:
        model = TTSModel.load_model(language=language, quantize=settings.quantize)
    except FileNotFoundError as error:
        raise SettingError(f"PARLEY_TTS_POCKET_LANGUAGE: Pocket TTS has no model {language!r} ({error})") from error
    except Exception as error:  # what the hub's client raises is its own affair
        raise EngineUnavailable(f"the model of Pocket TTS cannot be had: {error}") from error
    states: dict[str, Any] = {}
    for voice in settings.voices or (get_default_voice_for_language(language),):
        source = Path(voice) if Path(voice).is_file() else voice
        try:
            states[called(voice)] = model.get_state_for_audio_prompt(source)
        except (FileNotFoundError, ValueError) as error:
            raise SettingError(f"PARLEY_TTS_POCKET_VOICES: {voice!r} is no voice ({error})") from error
        except Exception as error:  # see above
            raise EngineUnavailable(f"the voice {voice!r} of Pocket TTS cannot be had: {error}") from error
    return PocketVoices(model, states, thread, ENGLISH if language.startswith("english") else "")


def called(voice: str) -> str:
    """What a voice of the settings is called: a file by its name without folder and ending."""
    return Path(voice.partition("@")[0]).stem


class PocketVoices:
    """The voices that are loaded, as `ClauseVoices`. The model is no thread's but `thread`, which speaks for all."""

    name = _NAME

    def __init__(self, model: Any, states: Mapping[str, Any], thread: Executor, language: str) -> None:
        self._model = model
        self._states = states
        self._thread = thread
        self._language = language

    @property
    def voices(self) -> Mapping[str, Sequence[str]]:
        """The voices that are loaded."""
        return {self.name: tuple(self._states)}

    def speaker(self, voice: str, embedding: bytes | None = None) -> "PocketSpeaker":
        """Return a voice; an empty name is the first's. Raises `VoiceNotFound`, also for any embedding."""
        state = self._states.get(voice or next(iter(self._states)))
        if state is None or embedding is not None:
            raise VoiceNotFound(f"Pocket TTS has not loaded the voice {voice!r}", field="config.voice")
        return PocketSpeaker(self._model, state, self._thread, self._language)


class PocketSpeaker:
    """A `Speaker` with one voice."""

    def __init__(self, model: Any, state: Any, thread: Executor, language: str) -> None:
        self._model = model
        self._state = state
        self._thread = thread
        self._language = language

    async def say(self, clause: Clause) -> Speech:
        """Speak a clause. Cancelling this stops the model before its next frame of 80 ms. Raises `UpstreamDown`."""
        script = script_of(clause, self._language)
        if not script.words:
            return SILENCE
        stop = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._speak, script, stop)
        finally:
            stop.set()

    def _speak(self, script: Script, stop: threading.Event) -> Speech:
        if stop.is_set():
            return SILENCE
        try:
            pieces = [
                np.asarray(piece, np.float32).reshape(-1)
                for piece in self._model.generate_audio_stream(self._state, script.text, stop=stop)
            ]
        except (RuntimeError, ValueError) as error:
            raise UpstreamDown("Pocket TTS could not speak a clause") from error
        samples = np.concatenate([np.zeros(0, np.float32), *pieces])
        rate = int(self._model.sample_rate)
        if rate != SAMPLE_RATE:
            samples = np.asarray(soxr.resample(samples, rate, SAMPLE_RATE), np.float32)
        first, last = audible(samples)
        if first == last:
            return SILENCE
        # The model gives no times: the words share what is heard.
        return Speech(_pcm(samples[first:last]), aligned(script.words, [], (last - first) / SAMPLE_RATE))


def _pcm(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    return (np.clip(samples, -1, 1) * np.float32(32_767)).astype(np.int16)
