"""What can be decoded, and what is refused, in the process that does it."""

import struct
import subprocess
import sys

import msgspec
import numpy as np
import pytest

from tests.voice_service.harness import opus, spoken, wav, wav_of
from tts_proxy.engines.espeak.library import Prosody
from voice_service.analysis.containers import Unusable
from voice_service.analysis.exit_codes import UNUSABLE
from voice_service.analysis.features import VoiceFeatures, features_of
from voice_service.analysis.recording import LONGEST_S, SAMPLE_RATE, decoded

ADA = Prosody("gmw/en-US+f3")


def analysed(recording: bytes) -> subprocess.CompletedProcess[bytes]:
    """What the process makes of a recording."""
    return subprocess.run(
        [sys.executable, "-m", "voice_service.analysis", "features"],
        input=recording,
        capture_output=True,
        timeout=30,
        check=False,
    )


def test_a_recording_becomes_a_manner() -> None:
    ended = analysed(wav(*spoken(ADA)))
    assert ended.returncode == 0, ended.stderr
    assert msgspec.json.decode(ended.stdout, type=VoiceFeatures).pitch_hz == pytest.approx(211, rel=0.03)


def test_ogg_opus_is_decoded() -> None:
    assert len(decoded(opus())) == pytest.approx(9.5 * SAMPLE_RATE, rel=0.1)


@pytest.mark.parametrize(("form", "dtype", "full"), [(1, "<i2", 32_767), (1, "<i4", 2**31 - 256), (3, "<f4", 1)])
@pytest.mark.parametrize("sample_rate", [8_000, 44_100, 48_000, 96_000])
def test_wav_of_every_kind(form: int, dtype: str, full: float, sample_rate: int) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(sample_rate) / sample_rate)
    both = np.stack([tone, -tone], axis=1)  # the mean of the channels would be silence
    recording = wav_of(
        form, np.dtype(dtype).itemsize * 8, sample_rate, (both * full).astype(dtype).tobytes(), channels=2
    )
    samples = decoded(recording)
    assert len(samples) == pytest.approx(SAMPLE_RATE, abs=2)
    assert np.sqrt(np.mean(samples**2)) == pytest.approx(np.sqrt(0.5), rel=0.02)


def test_no_more_is_decoded_than_is_needed() -> None:
    minutes = np.zeros(5 * 60 * SAMPLE_RATE, np.float32)
    assert len(decoded(wav(minutes, SAMPLE_RATE))) == LONGEST_S * SAMPLE_RATE


@pytest.mark.parametrize("hertz", [1, 7_999, 200_000])
def test_odd_sample_rates_are_refused(hertz: int) -> None:
    assert analysed(wav_of(1, 16, hertz, bytes(4_000))).returncode == UNUSABLE


def test_floats_that_are_no_numbers_are_silence() -> None:
    wild = np.full(SAMPLE_RATE, np.nan, "<f4")
    wild[::3] = np.inf
    wild[1::3] = 1e38
    samples = decoded(wav_of(3, 32, SAMPLE_RATE, wild.tobytes()))
    assert np.all(np.isfinite(samples))


@pytest.mark.parametrize(
    "recording",
    [
        b"",
        b"hello",
        b"RIFF",
        wav(*spoken(ADA))[:40],
        b"fLaC" + bytes(10_000),
        b"OggS" + bytes(10_000),
        opus()[:47],
        opus()[:60] + b"\xff" * 5_000,
        b"\xff\xfb\x90\x44" * 10_000,
        bytes(1 << 20),
    ],
)
def test_what_is_no_recording_is_refused_with_a_reason(recording: bytes) -> None:
    ended = analysed(recording)
    assert ended.returncode == UNUSABLE, ended.stderr
    assert ended.stderr.decode().count("\n") == 1
    assert ended.stdout == b""


@pytest.mark.parametrize("seconds", [35, 100, 170])
def test_the_silence_before_is_skipped(seconds: int) -> None:
    speech, sample_rate = spoken(ADA)
    begins_late = np.concatenate([np.zeros(seconds * sample_rate, np.float32), speech])
    found = features_of(decoded(wav(begins_late, sample_rate)), SAMPLE_RATE)
    assert found.pitch_hz == pytest.approx(
        features_of(decoded(wav(speech, sample_rate)), SAMPLE_RATE).pitch_hz, rel=0.03
    )


def test_the_silence_before_may_be_a_humming_room_with_a_click() -> None:
    speech, sample_rate = spoken(ADA)
    room = np.random.default_rng(1).normal(0, 0.001, 40 * sample_rate).astype(np.float32)
    room[5 * sample_rate : 5 * sample_rate + 40] = 0.9
    samples = decoded(wav(np.concatenate([room, speech]), sample_rate))
    assert len(samples) == pytest.approx(9.7 * SAMPLE_RATE, rel=0.05)


@pytest.mark.parametrize(
    ("channels", "voice"),
    [(2, 1), (2, 0), (6, 2), (6, 5), (8, 7)],
    ids=["right only", "left only", "centre of 5.1", "last of 5.1", "last of 7.1"],
)
@pytest.mark.parametrize("offset", [0, 9_000], ids=["silent", "constant"])
def test_the_loudest_channel_is_listened_to(channels: int, voice: int, offset: int) -> None:
    speech, sample_rate = spoken(ADA)
    every = np.full((len(speech), channels), offset, "<i2")
    every[:, voice] = (0.2 * speech * 32_767).astype("<i2")
    samples = decoded(wav_of(1, 16, sample_rate, every.tobytes(), channels=channels))
    assert features_of(samples, SAMPLE_RATE).pitch_hz == pytest.approx(211, rel=0.03)


@pytest.mark.parametrize("channels", [33, 1_024])
def test_more_channels_than_people_record_are_refused(channels: int) -> None:
    with pytest.raises(Unusable, match=f"{channels} channels"):
        decoded(wav_of(1, 16, 16_000, bytes(2 * channels * 16_000), channels=channels))


def test_a_file_that_claims_hours_takes_no_memory() -> None:
    assert analysed(wav_of(1, 16, SAMPLE_RATE, bytes(1_000), claimed=0xFFFFFFF0)).returncode == UNUSABLE


def test_opus_that_unpacks_to_hours_is_cut_short() -> None:
    page = opus(1)
    # An empty packet decodes to seconds of concealment: each page of 28 bytes would be 5 s.
    empty = b"OggS" + bytes(1) + bytes(1) + struct.pack("<qIII", 0, 42, 7, 0) + b"\x01\x00"
    assert analysed(page + empty * 20_000).returncode in (0, UNUSABLE)
