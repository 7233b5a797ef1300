"""Sound files: what a caller says, and what is kept of what it hears."""

import wave
from pathlib import Path

import numpy as np
import soxr
import sphn
from numpy.typing import NDArray

from launcher.calling.events import Samples
from launcher.exit_codes import ExitCode
from launcher.failure import Failure

SAMPLE_RATE = 24_000

# An hour of CD sound. A file is held in memory as a whole.
MAX_FILE_BYTES = 640 << 20


class UnusableRecording(Failure):
    """A file cannot be played; the message names it and says why."""

    exit_code = ExitCode.USAGE


def read(path: Path) -> Samples:
    """The sound of a file at 24 kHz, its channels mixed. Raises `UnusableRecording`.

    WAV with any rate, number of channels and sample format; other formats that the decoder knows (FLAC, MP3) work too.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UnusableRecording(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        channels, rate = sphn.read(str(path))
    except ValueError as error:
        reason = str(error).removeprefix(f'"{path}": ')
        raise UnusableRecording(f"{path} cannot be played, a WAV file is expected: {reason}") from None
    if channels.size == 0:
        raise UnusableRecording(f"{path} holds no sound")
    return quantized(soxr.resample(channels.mean(axis=0), rate, SAMPLE_RATE))


def quantized(sound: NDArray[np.float32]) -> Samples:
    """Sound between -1 and 1 as 16-bit samples."""
    return np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16)


def write(path: Path, samples: Samples) -> None:
    """Keep `samples` as a 16-bit WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())
