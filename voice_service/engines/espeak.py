"""The embedded cloning engine: the pitch, melody and pace of a speaker, as parameters of eSpeak NG.

The tables hold what eSpeak NG 1.52 does with its parameters, measured with `voice_service.analysis` itself.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from typing import BinaryIO

import msgspec
import numpy as np
import structlog

from mesh.errors import BadAudio, UpstreamDown
from voice_service.analysis.features import VoiceFeatures

ANALYSIS_LIMIT_S = 15.0
"""How long a recording may be analysed; a usual one takes a second."""
_UNUSABLE = 3
"""The exit code of `voice_service.analysis` for a recording that is of no use."""
_AT_ONCE = 2
"""Recordings; each keeps one core busy and takes some 300 MB."""

_log = structlog.get_logger()

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

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def works(self) -> bool:
        """It does: it needs nothing."""
        return True

    async def clone(self, recording: bytes) -> bytes:
        """Listen to the recording. Raises `BadAudio`, and `UpstreamDown` if its turn does not come."""
        try:
            async with asyncio.timeout(2 * ANALYSIS_LIMIT_S), self._turns:
                return msgspec.json.encode(embedding_for(await _analysed(recording)))
        except TimeoutError:
            raise UpstreamDown("too many recordings are being listened to") from None


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


async def _analysed(recording: bytes) -> VoiceFeatures:
    """The features of speaking in a recording. Raises `BadAudio`."""
    # A file, not a pipe: when a process has ended before it is sent anything, uvloop raises RuntimeError.
    with _in_memory(recording) as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "voice_service.analysis",
            stdin=file,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            # A Ctrl-C for the service is not for it: the service ends it, or lets it end.
            start_new_session=True,
        )
    try:
        async with asyncio.timeout(ANALYSIS_LIMIT_S):
            answer, complaint = await process.communicate()
    except TimeoutError:
        raise BadAudio("the recording cannot be used: decoding it takes too long", field="chunk") from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode == _UNUSABLE:
        raise BadAudio(f"the recording cannot be used: {complaint.decode().strip()}", field="chunk")
    if process.returncode != 0:
        # The decoder has crashed, or met its limits: libraries do so for a sample rate of 0, say.
        last_words = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        _log.warning("a recording has crashed its analysis", exit_code=process.returncode, last_words=last_words)
        raise BadAudio("the recording cannot be used: it cannot be decoded", field="chunk")
    return msgspec.json.decode(answer, type=VoiceFeatures)


def _in_memory(content: bytes) -> BinaryIO:
    """A file on no disk that holds `content`, at its beginning."""
    file = open(os.memfd_create("recording"), "w+b")  # noqa: PTH123, SIM115 - a descriptor has no path; the caller closes
    file.write(content)
    file.seek(0)
    return file
