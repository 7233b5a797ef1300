"""The embedded cloning engine: the pitch, melody and pace of a speaker, as parameters of eSpeak NG.

The tables hold what eSpeak NG 1.52 does with its parameters, measured with `voice_service.analysis` itself.
"""

from dataclasses import dataclass

import msgspec
import numpy as np

from voice_service.analysis.features import VoiceFeatures
from voice_service.analysis.process import analysed

_PITCHES = (0, 20, 35, 50, 65, 80, 99)
_RATES = (120, 150, 175, 200, 240)
_SYLLABLES_PER_S = (3.4, 4.2, 4.7, 5.2, 5.6)
"""How they are counted in speech of those `_RATES`. People who speak slower, or faster, would not be understood."""


class Embedding(msgspec.Struct, frozen=True, kw_only=True):
    """How eSpeak speaks like somebody. Its counterpart is `tts_proxy.engines.espeak.voices.Embedding`."""

    voice: str
    """A language, or a language and a variant: "en-us+f3"."""
    rate: int
    """Words per minute, 120 to 240."""
    pitch: int
    """0 to 99."""
    pitch_range: int
    """0 (monotone) to 100."""


@dataclass(frozen=True, slots=True)
class _Register:
    """What one of eSpeak's voices can do."""

    voice: str
    monotone_hz: tuple[int, ...]
    """Its pitch at each of `_PITCHES` when its range is 0."""
    rise_hz: float
    """How much higher its median is for each unit of range,"""
    spread_hz: float
    """and how much further apart a tenth of its speech from above and from below."""


_LOW = _Register("en-us", monotone_hz=(62, 65, 76, 89, 106, 126, 158), rise_hz=0.24, spread_hz=0.42)
_HIGH = _Register("en-us+f3", monotone_hz=(113, 133, 154, 178, 211, 246, 308), rise_hz=0.64, spread_hz=1.1)
_HIGH_FROM_HZ = 150
"""Where a man's voice mostly ends and a woman's or child's begins."""


class EspeakCloning:
    """A `CloningEngine` for the embedded voice. Recordings are analysed in processes of their own."""

    name = "espeak"

    async def works(self) -> bool:
        """It does: it needs nothing."""
        return True

    async def clone(self, recording: bytes) -> bytes:
        """Listen to the recording. Raises `BadAudio`, and `UpstreamDown` if its turn does not come."""
        return msgspec.json.encode(embedding_for(await analysed(recording)))


def embedding_for(features: VoiceFeatures) -> Embedding:
    """The parameters with which eSpeak's speech comes closest to somebody's features."""
    register = _HIGH if features.pitch_hz > _HIGH_FROM_HZ else _LOW
    # A wide range lifts the median: it must leave room for the pitch, which matters more.
    widest = (features.pitch_hz - register.monotone_hz[0]) / register.rise_hz
    pitch_range = float(np.clip(features.spread_hz / register.spread_hz, 0, max(0.0, min(widest, 100))))
    monotone_hz = features.pitch_hz - register.rise_hz * pitch_range
    return Embedding(
        voice=register.voice,
        rate=round(float(np.interp(features.syllables_per_s, _SYLLABLES_PER_S, _RATES))),
        pitch=round(float(np.interp(monotone_hz, register.monotone_hz, _PITCHES))),
        pitch_range=round(pitch_range),
    )
