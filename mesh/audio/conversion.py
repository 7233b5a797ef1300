"""Streams of bytes from and to the working format: one `Decoder` or `Encoder` for each direction of each stream."""

import numpy as np
from numpy.typing import NDArray

from mesh.audio.formats import CONVERTIBLE, SAMPLE_RATE, Format, complete
from mesh.audio.g711 import A_LAW, MU_LAW
from mesh.audio.resampler import Resampler
from mesh.errors import BadAudio
from parley.audio.v1 import audio_pb2

_LAWS = {audio_pb2.AUDIO_ENCODING_MULAW: MU_LAW, audio_pb2.AUDIO_ENCODING_ALAW: A_LAW}


class Decoder:
    """From one of the `CONVERTIBLE` formats to the working one. What is heard is later by `delay_s` (at most 4 ms)."""

    def __init__(self, format: audio_pb2.AudioFormat) -> None:  # noqa: A002 - the contracts' word
        encoding, rate = _checked(format)
        self._law = _LAWS.get(encoding)
        self._resampler = None if rate == SAMPLE_RATE else Resampler(rate, SAMPLE_RATE)
        self.delay_s = 0.0 if self._resampler is None else self._resampler.delay_s

    def decode(self, audio: bytes) -> bytes:
        """The working samples these bytes complete. Raises `BadAudio` for half a sample; nothing is taken then."""
        if self._law is None and self._resampler is None:
            return _whole(audio)
        samples = _samples(audio) if self._law is None else self._law.decode(np.frombuffer(audio, np.uint8))
        return (samples if self._resampler is None else self._resampler.process(samples)).tobytes()


class Encoder:
    """From the working format to one of the `CONVERTIBLE` ones. What is heard is later by `delay_s` (at most 4 ms)."""

    def __init__(self, format: audio_pb2.AudioFormat) -> None:  # noqa: A002 - the contracts' word
        encoding, rate = _checked(format)
        self._law = _LAWS.get(encoding)
        self._resampler = None if rate == SAMPLE_RATE else Resampler(SAMPLE_RATE, rate)
        self.delay_s = 0.0 if self._resampler is None else self._resampler.delay_s

    def encode(self, audio: bytes) -> bytes:
        """The bytes these working samples complete. Raises `BadAudio` for half a sample; nothing is taken then."""
        if self._law is None and self._resampler is None:
            return _whole(audio)
        samples = _samples(audio)
        resampled = samples if self._resampler is None else self._resampler.process(samples)
        return (resampled if self._law is None else self._law.encode(resampled)).tobytes()

    def flush(self) -> bytes:
        """The last `delay_s` of the audio, once it has ended."""
        return self.encode(bytes(2 * round(self.delay_s * SAMPLE_RATE)))


def _checked(format: audio_pb2.AudioFormat) -> Format:  # noqa: A002 - the contracts' word
    wanted = complete(format)
    if wanted not in CONVERTIBLE:
        raise ValueError(f"no conversion for {wanted}; negotiate() comes first")
    return wanted


def _whole(audio: bytes) -> bytes:
    if len(audio) % 2:
        raise BadAudio(f"{len(audio)} bytes are no whole number of 16-bit samples", field="audio")
    return audio


def _samples(audio: bytes) -> NDArray[np.int16]:
    return np.frombuffer(_whole(audio), "<i2").astype(np.int16, copy=False)
