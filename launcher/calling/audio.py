"""What a caller says and keeps: sound files, a microphone that plays one in real time, and a recorder of replies."""

import asyncio
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import click
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from launcher.calling.transport import Event, ReplyAudio, Samples
from launcher.failure import ExitCode, Failure

SAMPLE_RATE = 24_000

# An hour of CD sound. A file is held in memory as a whole.
MAX_FILE_BYTES = 640 << 20


class UnusableRecording(Failure):
    """A file cannot be played; the message names it and says why."""

    exit_code = ExitCode.USAGE


def read_audio(path: Path) -> Samples:
    """The sound of a file at 24 kHz, its channels mixed. Raises `UnusableRecording`.

    WAV with any rate, number of channels and sample format; other formats that libsndfile reads (FLAC, MP3, Ogg, AIFF)
    work too.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UnusableRecording(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
    try:
        channels, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        reason = getattr(error, "error_string", str(error))
        raise UnusableRecording(f"{path} cannot be played, a WAV file is expected: {reason}") from None
    if channels.size == 0:
        raise UnusableRecording(f"{path} holds no sound")
    return quantized(soxr.resample(channels.mean(axis=1), rate, SAMPLE_RATE))


def quantized(sound: NDArray[np.float32]) -> Samples:
    """Sound between -1 and 1 as 16-bit samples."""
    return np.clip(np.rint(sound * 32_768), -32_768, 32_767).astype(np.int16)


def write_wav(path: Path, samples: Samples) -> None:
    """Keep `samples` as a 16-bit WAV file."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


class Microphone:
    """Plays `sound`, then silence. `played_out` is set after the sound's last frame."""

    def __init__(self, sound: Samples) -> None:
        self.played_out = asyncio.Event()
        self._sound = sound

    async def frames(self, frame_samples: int) -> AsyncIterator[Samples]:
        """Frames of `frame_samples`, for ever, each at the moment its last sample is due; delays do not add up."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        position = 0
        while True:
            end = position + frame_samples
            await asyncio.sleep(began + end / SAMPLE_RATE - loop.time())
            frame = self._sound[position:end]
            yield np.pad(frame, (0, frame_samples - len(frame)))
            position = end
            if position >= len(self._sound):
                self.played_out.set()


class ReplyRecorder:
    """Collects the audio of all replies, one after the other."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []

    def feed(self, event: Event) -> None:
        """Keep the audio of an event, if it has any."""
        if isinstance(event, ReplyAudio):
            self._pieces.append(event.samples)

    def save(self, path: Path | None) -> None:
        """Write what was heard, if anything was and a file is wanted, and say so on standard error."""
        if path is None or not self._pieces:
            return
        samples = np.concatenate(self._pieces)
        write_wav(path, samples)
        click.echo(f"{len(samples) / SAMPLE_RATE:.1f} s of speech are in {path}", err=True)
