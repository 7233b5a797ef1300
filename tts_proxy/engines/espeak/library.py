"""The eSpeak NG library through ctypes.

It keeps its state in globals and crashes when two threads enter it: there is one `Library` in a process, and it lets
one thread in at a time.
"""

import ctypes
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tts_proxy.clauses.alignment import WordStart

_SYNCHRONOUS: Final = 2
"""AUDIO_OUTPUT_SYNCHRONOUS: samples go to the callback, in the calling thread."""
_CHUNK_MS: Final = 20
"""Speech per callback, and thus how soon a cancelled synthesis stops."""
_LONGEST_S: Final = 60
"""Seconds of speech at which a text is cut short. Only gibberish takes so long: some voices spell out characters."""
_DO_NOT_EXIT: Final = 0x8000
"""espeakINITIALIZE_DONT_EXIT: the library ends the process otherwise when its data is missing."""
_UNUSABLE: Final = frozenset(("gmq/fo", "trk/kaa", "art/xex"))
"""Voices without a dictionary in the package: the library lists them, but reads from anywhere when they speak."""
_UTF8: Final = 1
"""espeakCHARS_UTF8, and no other flag: no SSML, no silence at the end."""
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_END_OF_LIST, _WORD = 0, 1
_OK: Final = 0


class _Voice(ctypes.Structure):
    """espeak_VOICE."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        # A list of (priority byte, language, 0), and a 0 after the last.
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("unused", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


class _Event(ctypes.Structure):
    """espeak_EVENT."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", ctypes.c_char * 8),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class ListedVoice(NamedTuple):
    """A voice or variant that the library has."""

    identifier: str
    """What `Prosody.voice` calls it: "gmw/en-US"; of a variant "!v/f3"."""
    languages: tuple[tuple[int, str], ...]
    """Each with its priority: of all voices that speak a language, the one with the smallest number is meant for it."""


@dataclass(frozen=True, slots=True)
class Prosody:
    """Who speaks, and how."""

    voice: str
    """An identifier, and after a "+" the name of a variant: "gmw/en-US+f3"."""
    rate: int = 175
    """Words per minute, 80 to 450."""
    pitch: int = 50
    """0 to 99."""
    pitch_range: int = 50
    """0 (monotone) to 100."""
    volume: int = 80
    """100 is the library's own level, at which some voices reach full scale."""


@dataclass(frozen=True, slots=True)
class Recording:
    """What the library made of a text."""

    samples: NDArray[np.int16]
    words: tuple[WordStart, ...]


class Library:
    """The library and its data, as the package `espeakng-loader` brings them."""

    def __init__(self) -> None:
        # Here, so that a proxy without this engine needs no such package.
        import espeakng_loader  # noqa: PLC0415

        self._lock = threading.Lock()
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        self.sample_rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, data, _DO_NOT_EXIT)
        if self.sample_rate <= 0:
            raise RuntimeError("eSpeak NG cannot be initialised")
        self._library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        # The library keeps a bare pointer: the object must outlive it.
        self._callback = _Callback(self._received)
        self._library.espeak_SetSynthCallback(self._callback)
        self._chunks: list[NDArray[np.int16]] = []
        self._words: list[WordStart] = []
        self._room = 0
        """How many more samples the present speech may have."""
        self._given_up: Callable[[], bool] = lambda: False

    def voices(self) -> list[ListedVoice]:
        """Every voice, without variants."""
        with self._lock:
            listed = _listed(self._library.espeak_ListVoices(None))
            return [voice for voice in listed if voice.identifier not in _UNUSABLE]

    def variants(self) -> list[ListedVoice]:
        """Every variant."""
        wanted = ctypes.create_string_buffer(b"variant")
        with self._lock:
            return list(
                _listed(self._library.espeak_ListVoices(ctypes.byref(_Voice(languages=ctypes.addressof(wanted)))))
            )

    def speak(self, text: str, prosody: Prosody, given_up: Callable[[], bool]) -> Recording:
        """Speak a text, which holds no NUL; blocks meanwhile. What is made is cut short once `given_up()` is true.

        Raises ValueError for a voice it does not have; it does not notice a variant it does not have.
        """
        with self._lock:
            # Each time: the library falls back on what it was told last, for whomever that was.
            self._prepare(prosody)
            self._chunks, self._words, self._given_up = [], [], given_up
            self._room = _LONGEST_S * self.sample_rate
            encoded = text.encode()
            self._library.espeak_Synth(encoded, ctypes.c_size_t(len(encoded) + 1), 0, 0, 0, _UTF8, None, None)
            samples = np.concatenate([np.zeros(0, np.int16), *self._chunks])
            return Recording(samples, tuple(self._words))

    def _prepare(self, prosody: Prosody) -> None:
        if self._library.espeak_SetVoiceByName(prosody.voice.encode()) != _OK:
            raise ValueError(f"eSpeak NG has no voice {prosody.voice!r}")
        for parameter, value in (
            (_RATE, prosody.rate),
            (_VOLUME, prosody.volume),
            (_PITCH, prosody.pitch),
            (_RANGE, prosody.pitch_range),
        ):
            self._library.espeak_SetParameter(parameter, value, 0)

    def _received(self, samples: Any, count: int, events: Any) -> int:
        """Called back by the library with what it has made; returns 1 to stop it."""
        if samples and count:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
            self._room -= count
        for event in events:
            if event.type == _END_OF_LIST:
                break
            if event.type == _WORD:
                self._words.append(WordStart(event.text_position - 1, event.audio_position / 1000))
        return int(self._room <= 0 or self._given_up())


@cache
def library() -> Library:
    """The process's one library, loaded by the first call."""
    return Library()


def _listed(voices: Any) -> Iterator[ListedVoice]:
    for pointer in voices:
        if not pointer:
            return
        yield ListedVoice(pointer.contents.identifier.decode(), tuple(_languages(pointer.contents.languages)))


def _languages(address: int) -> Iterator[tuple[int, str]]:
    while priority := ctypes.string_at(address, 1)[0]:
        language = ctypes.string_at(address + 1)
        yield priority, language.decode()
        address += len(language) + 2
