"""hibari's voices, speaking clauses in the working format."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from mesh.errors import VoiceNotFound
from tts_proxy.clauses.alignment import WordStart, aligned
from tts_proxy.clauses.script import Script, script_of
from tts_proxy.clauses.speech import SILENCE, Speech
from tts_proxy.clauses.splitting import Clause
from tts_proxy.engines.hibari.model import GivenUp, Model, Run
from tts_proxy.engines.hibari.pronunciation import Pronunciation, is_readable
from tts_proxy.spoken.readings import ENGLISH
from tts_proxy.spoken.words import makes_sound

_GAIN = 1.4
"""Makes speech as loud as eSpeak's, about -21.5 dBFS RMS where there is any (benchmarks/tts_heard.py)."""
_PEAK = 0.95
"""Of full scale. A piece that would go beyond is made less loud."""
_AUDIBLE = 0.002
"""RMS of a window below which it counts as silence. The network's own is below a tenth of it."""
_WINDOW = 120
"""Samples, 5 ms."""
_LEAD_S = 0.04
"""How much sooner a sound is heard than the phoneme's duration says: 20 to 60 ms were measured after pauses."""


@dataclass(frozen=True, slots=True)
class HibariVoice:
    """A voice that is loaded."""

    model: Model
    pronunciation: Pronunciation


class HibariVoices:
    """The voices that are loaded, as `ClauseVoices`. One thread speaks for all, in the order in which they are asked.

    `default` is what an empty name means. Raises `VoiceNotFound` where that is not among the voices.
    """

    name = "hibari"

    def __init__(self, voices: Mapping[str, HibariVoice], thread: Executor, *, default: str, speed: float) -> None:
        self._voices = voices
        self._thread = thread
        self._default = default
        self._speed = speed
        self.speaker("")

    def __contains__(self, voice: str) -> bool:
        return voice in self._voices

    @property
    def voices(self) -> Mapping[str, Sequence[str]]:
        """The voices that are loaded."""
        return {self.name: tuple(self._voices)}

    def speaker(self, voice: str, embedding: bytes | None = None) -> "HibariSpeaker":
        """Return a voice; an empty name is the default's. Raises `VoiceNotFound`, also for any embedding."""
        found = self._voices.get(voice or self._default)
        if found is None or embedding is not None:
            raise VoiceNotFound(f"there is no voice {voice or self._default!r}", field="config.voice")
        return HibariSpeaker(found, self._thread, self._speed)


class HibariSpeaker:
    """A `Speaker` with one voice and speed."""

    def __init__(self, voice: HibariVoice, thread: Executor, speed: float) -> None:
        self._voice = voice
        self._thread = thread
        self._speed = speed

    async def say(self, clause: Clause) -> Speech:
        """Speak a clause, except words that have no letter hibari can read: those of another script.

        Cancelling this stops the network at its next operator.
        """
        script = script_of(Clause(tuple(filter(is_sayable, clause.words)), clause.ending), ENGLISH)
        if not script.words:
            return SILENCE
        run = Run()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._speak, script, run)
        finally:
            run.give_up()

    def _speak(self, script: Script, run: Run) -> Speech:
        samples: list[NDArray[np.int16]] = []
        starts: list[WordStart] = []
        length = 0
        for piece in self._voice.pronunciation.pieces(script):
            try:
                sound = self._voice.model.speak(piece.phonemes, self._speed, run)
            except GivenUp:
                return SILENCE
            first, last = audible(sound.samples)
            for start in piece.starts:
                # What is heard first is the first word, whatever its duration says.
                offset_s = float(sound.offsets_s[start.phoneme]) - _LEAD_S - first / SAMPLE_RATE if starts else 0.0
                starts.append(WordStart(start.position, length / SAMPLE_RATE + max(0.0, offset_s)))
            samples.append(as_loud_as_others(sound.samples[first:last]))
            length += last - first
        if not length:
            return SILENCE
        return Speech(np.concatenate(samples), aligned(script.words, starts, length / SAMPLE_RATE))


def is_sayable(word: str) -> bool:
    """Return whether a word is none of another script's: hibari reads it, or there is nothing in it to say."""
    return is_readable(word) or not makes_sound(word)


def audible(samples: NDArray[np.float32]) -> tuple[int, int]:
    """Return where the sound begins and ends: the network leaves a third of a second of silence on both sides of it."""
    windows = samples[: len(samples) - len(samples) % _WINDOW].reshape(-1, _WINDOW)
    heard = np.flatnonzero(np.sqrt(np.mean(windows**2, axis=1)) > _AUDIBLE)
    return (int(heard[0]) * _WINDOW, int(heard[-1] + 1) * _WINDOW) if len(heard) else (0, 0)


def as_loud_as_others(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Return the samples in the working format, as loud as those of other voices."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    gain = min(_GAIN, _PEAK / peak) if peak else _GAIN
    return (samples * (gain * 32_767)).astype(np.int16)
