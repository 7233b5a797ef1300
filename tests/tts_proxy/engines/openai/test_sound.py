import struct

import numpy as np
import pytest

from mesh.errors import UpstreamDown, UpstreamMisconfigured
from tts_proxy.engines.openai.sound import SoundDecoder

SAMPLES = np.arange(-500, 500, dtype=np.int16)


def wav(
    data: bytes, *, kind: int = 1, channels: int = 1, rate: int = 24_000, bits: int = 16, length: int | None = None
) -> bytes:
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * channels * bits // 8, channels * bits // 8, bits)
    told = len(data) if length is None else length
    chunks = b"LIST\x05\0\0\0abcde\0" + b"fmt " + struct.pack("<I", len(form)) + form
    return b"RIFF\xff\xff\xff\xffWAVE" + chunks + b"data" + struct.pack("<I", told) + data


def decoded(body: bytes, kind: str = "audio/wav", cut: int = 7) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    sound = SoundDecoder(kind, 24_000)
    parts = [sound.feed(body[at : at + cut]) for at in range(0, len(body), cut)]
    sound.finish()
    return np.concatenate(parts)


@pytest.mark.parametrize("cut", [1, 7, 100_000])
@pytest.mark.parametrize("length", [None, 0, 0xFFFFFFFF])
def test_a_file_is_read_however_it_is_cut_and_whatever_length_it_tells(cut: int, length: int | None) -> None:
    assert np.array_equal(decoded(wav(SAMPLES.tobytes(), length=length), cut=cut), SAMPLES)


def test_what_follows_the_samples_is_not_heard() -> None:
    body = wav(SAMPLES.tobytes(), length=2 * len(SAMPLES)) + b"LIST\x04\0\0\0abcd"
    assert np.array_equal(decoded(body), SAMPLES)


def test_plain_samples_are_read() -> None:
    assert np.array_equal(decoded(SAMPLES.tobytes(), "audio/pcm", cut=3), SAMPLES)


def test_channels_are_mixed() -> None:
    assert np.array_equal(decoded(wav(np.repeat(SAMPLES, 2).tobytes(), channels=2)), SAMPLES)


def test_numbers_with_a_point_are_read() -> None:
    floats = np.array([0, 0.5, -0.5, 2, -2, np.nan], "<f4")
    assert decoded(wav(floats.tobytes(), kind=3, bits=32)).tolist() == [0, 16_384, -16_384, 32_767, -32_767, 0]


def test_another_rate_becomes_ours() -> None:
    assert len(decoded(wav(SAMPLES.tobytes(), rate=8_000))) == 3_000


@pytest.mark.parametrize(("kind", "bits"), [(1, 8), (1, 24), (7, 8)])
def test_another_kind_of_file_is_a_setting_to_change(kind: int, bits: int) -> None:
    with pytest.raises(UpstreamMisconfigured):
        decoded(wav(b"\0" * 100, kind=kind, bits=bits))


@pytest.mark.parametrize("body", [b"RIFF\xff\xff\xff\xffWAVE", b"RIFF" + b"\0" * 100_000, wav(b"\0" * 10, rate=7)[:-4]])
def test_a_broken_file_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamDown):
        decoded(body, cut=1_000)


def test_other_types_are_told_apart() -> None:
    with pytest.raises(UpstreamMisconfigured, match="audio/mpeg"):
        SoundDecoder("audio/mpeg", 24_000)
    with pytest.raises(UpstreamDown, match="application/json"):
        SoundDecoder("application/json; charset=utf-8", 24_000)
