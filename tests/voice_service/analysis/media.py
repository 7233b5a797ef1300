"""Speech in the containers that phones, browsers and recorders write."""

import io
from fractions import Fraction

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from tests.voice_service.harness import spoken
from tts_proxy.engines.espeak.library import Prosody

PHONES_AND_BROWSERS = [
    # (FFmpeg's muxer, codec, rate, options of the muxer)
    ("ipod", "aac", 44_100, {}),  # M4A: voice memos of iOS, recorders of Android
    ("mp4", "aac", 48_000, {}),
    ("mp4", "aac", 48_000, {"movflags": "frag_keyframe+empty_moov+default_base_moof"}),  # Safari's MediaRecorder
    ("mp4", "libopus", 48_000, {}),
    ("mov", "aac", 48_000, {}),
    ("mov", "pcm_s16le", 44_100, {}),
    ("ipod", "alac", 44_100, {}),  # voice memos of iOS, "lossless"
    ("3gp", "libopencore_amrnb", 8_000, {}),
    ("amr", "libopencore_amrnb", 8_000, {}),
    ("webm", "libopus", 48_000, {}),  # MediaRecorder of Chrome and Edge
    ("webm", "libopus", 48_000, {"live": "1"}),  # which has no length and no index
    ("matroska", "pcm_s16le", 48_000, {}),
    ("adts", "aac", 44_100, {}),
    ("asf", "wmav2", 44_100, {}),
    ("ogg", "libopus", 48_000, {}),  # MediaRecorder of Firefox; voice messages
    ("ogg", "flac", 44_100, {}),
    ("flac", "flac", 44_100, {}),
    ("mp3", "libmp3lame", 44_100, {}),
    ("mp3", "libmp3lame", 44_100, {"id3v2_version": "0", "write_xing": "0"}),
    ("caf", "pcm_s16le", 44_100, {}),
    ("caf", "alac", 44_100, {}),
    ("aiff", "pcm_s16be", 44_100, {}),
    ("au", "pcm_s16be", 16_000, {}),
    ("w64", "pcm_s16le", 44_100, {}),
    ("wav", "pcm_s24le", 48_000, {}),
    ("wav", "pcm_f32le", 48_000, {}),
    ("wav", "pcm_mulaw", 8_000, {}),
    ("wav", "adpcm_ima_wav", 44_100, {}),
    ("wav", "pcm_s16le", 48_000, {"rf64": "always"}),
]

ADA = Prosody("gmw/en-US+f3")


def made(
    muxer: str,
    codec: str,
    sample_rate: int,
    options: dict[str, str] | None = None,
    *,
    sound: tuple[NDArray[np.float32], int] | None = None,
) -> bytes:
    """Speech, or `sound`, in such a container."""
    samples, rate = sound or spoken(ADA)
    kept = io.BytesIO()
    with av.open(kept, "w", format=muxer, options=options or {}) as container:
        stream = container.add_stream(codec, rate=sample_rate)
        assert isinstance(stream, AudioStream)
        stream.layout = "mono"
        stream.bit_rate = 64_000
        formats = stream.codec_context.codec.audio_formats
        assert formats is not None
        resampler = AudioResampler(
            stream.format.name if stream.format else formats[0].name,
            "mono",
            sample_rate,
            stream.codec_context.frame_size,
        )
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="fltp", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
        for each in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return kept.getvalue()
