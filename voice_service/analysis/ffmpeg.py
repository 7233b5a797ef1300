"""Reads files with FFmpeg. Import it only where the extra `uploads` is installed."""

import io
from collections.abc import Iterator
from itertools import chain

import av
import av.error
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from numpy.typing import NDArray

_PROBED_BYTES = 1 << 20
"""How much of a file is read to find out what is in it."""


class NoSound(Exception):
    """The file cannot be read, or holds no sound. The message says what is known; it may be empty."""


def read(content: bytes, format_name: str) -> tuple[int, int, Iterator[NDArray[np.float32]]]:
    """Sample rate, number of channels and the sound of a file of this format, one row each moment. Raises `NoSound`."""
    try:
        container = av.open(
            io.BytesIO(content),
            format=format_name,
            # Nothing that a file names is opened.
            options={"protocol_whitelist": "", "probesize": str(_PROBED_BYTES)},
        )
    except (av.error.FFmpegError, ValueError, MemoryError):
        raise NoSound from None
    if not isinstance(container, InputContainer):
        raise NoSound
    # A codec that FFmpeg does not know has no context.
    if not container.streams.audio or container.streams.audio[0].codec_context is None:
        container.close()
        raise NoSound("it holds no sound that can be decoded")
    blocks = _blocks(container)
    first = next(blocks, None)
    if first is None:
        raise NoSound
    codec = container.streams.audio[0].codec_context
    return codec.sample_rate, first.shape[1], chain([first], blocks)


def _blocks(container: InputContainer) -> Iterator[NDArray[np.float32]]:
    with container:
        stream = container.streams.audio[0]
        stream.codec_context.thread_count = 1
        resampler = AudioResampler(format="fltp")
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, ValueError):
                # What is damaged ends here.
                return
            if packet is None:
                return
            try:
                frames = [plain for frame in packet.decode() for plain in resampler.resample(frame)]
            except (av.error.FFmpegError, ValueError):
                # One damaged packet is a gap.
                continue
            for frame in frames:
                yield np.asarray(frame.to_ndarray(), np.float32).T
