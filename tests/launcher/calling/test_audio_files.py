import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from launcher.calling.audio import MAX_FILE_BYTES, SAMPLE_RATE, UnusableRecording, read_audio, write_wav


def tone(rate: int, seconds: float = 0.5) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)


def write_sound(
    path: Path, sound: np.ndarray[tuple[int], np.dtype[np.float64]], rate: int, width: int, channels: int
) -> None:
    """PCM as the format has it: unsigned bytes, or wider signed numbers, the channels interleaved."""
    whole = np.rint(np.repeat(sound, channels) * (1 << (8 * width - 1))).astype(np.int64)
    stored = whole + 128 if width == 1 else whole
    frames = b"".join(int(value).to_bytes(width, "little", signed=width > 1) for value in stored)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(frames)


@pytest.mark.parametrize(
    ("rate", "width", "channels"),
    [(24_000, 2, 1), (8_000, 2, 1), (44_100, 2, 2), (16_000, 1, 1), (48_000, 3, 2), (22_050, 4, 1), (11_025, 2, 6)],
)
def test_any_pcm_is_read(tmp_path: Path, rate: int, width: int, channels: int) -> None:
    path = tmp_path / "tone.wav"
    write_sound(path, tone(rate), rate, width, channels)
    samples = read_audio(path)
    assert samples.dtype == np.int16
    assert len(samples) == pytest.approx(SAMPLE_RATE / 2, abs=2)
    expected = tone(SAMPLE_RATE)[2_000:10_000] * 32_768
    assert np.abs(samples[2_000:10_000] - expected).max() < 600


def test_floating_point_is_read_and_what_is_too_loud_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "loud.wav"
    sound = np.array([2.0, -2.0] * 600, np.float32).tobytes()
    header = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(sound),
        b"WAVE",
        b"fmt ",
        16,
        3,
        1,
        24_000,
        96_000,
        4,
        32,
        b"data",
        len(sound),
    )
    path.write_bytes(header + sound)
    samples = read_audio(path)
    assert (samples.max(), samples.min()) == (32_767, -32_768)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "cannot be played, a WAV file is expected"),
        (b"not a sound" * 100, "cannot be played, a WAV file is expected"),
    ],
)
def test_a_file_that_is_no_sound_is_refused(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "text.wav"
    path.write_bytes(content)
    with pytest.raises(UnusableRecording, match=complaint) as caught:
        read_audio(path)
    assert str(path) in caught.value.message
    assert caught.value.exit_code == 2


def test_a_file_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.wav"
    write_sound(path, tone(24_000, seconds=0), 24_000, 2, 1)
    with pytest.raises(UnusableRecording, match="holds no sound"):
        read_audio(path)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    with pytest.raises(UnusableRecording, match="larger than 640 MiB"):
        read_audio(path)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    samples = np.array([0, 1, -1, 32_767, -32_768] * 100, np.int16)
    write_wav(tmp_path / "reply.wav", samples)
    assert (read_audio(tmp_path / "reply.wav") == samples).all()
