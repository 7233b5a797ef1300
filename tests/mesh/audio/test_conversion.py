from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mesh.audio import CONVERTIBLE, FRAME_BYTES, SAMPLE_RATE, Decoder, Encoder, negotiate
from mesh.audio.formats import Format
from mesh.errors import BadAudio
from parley.audio.v1.audio_pb2 import AUDIO_ENCODING_LINEAR16, AUDIO_ENCODING_MULAW, AudioFormat

EACH_FORMAT = pytest.mark.parametrize("each", CONVERTIBLE, ids=str)


def message(each: Format) -> AudioFormat:
    return AudioFormat(encoding=each.encoding, sample_rate_hertz=each.sample_rate_hertz)


def bytes_a_second(each: Format) -> int:
    return each.sample_rate_hertz * (2 if each.encoding == AUDIO_ENCODING_LINEAR16 else 1)


def voice(seconds: float = 0.8) -> NDArray[np.int16]:
    """Something with the band and the level of speech."""
    time = np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    tones = sum(np.sin(2 * np.pi * hertz * time) for hertz in (180, 420, 1_300, 2_700))
    return np.asarray(2_500 * tones).astype(np.int16)


@EACH_FORMAT
def test_a_working_frame_is_eighty_milliseconds_in_every_format(each: Format) -> None:
    encoder = Encoder(message(each))
    assert {len(encoder.encode(bytes(FRAME_BYTES))) for _ in range(10)} == {bytes_a_second(each) * 80 // 1_000}


@EACH_FORMAT
def test_a_frame_of_every_format_is_a_working_frame(each: Format) -> None:
    decoder = Decoder(message(each))
    frame = bytes(bytes_a_second(each) * 80 // 1_000)
    assert {len(decoder.decode(frame)) for _ in range(10)} == {FRAME_BYTES}


@EACH_FORMAT
def test_a_voice_comes_back_after_both_delays(each: Format) -> None:
    encoder, decoder = Encoder(message(each)), Decoder(message(each))
    said = voice()
    heard = np.frombuffer(decoder.decode(encoder.encode(said.tobytes())), np.int16)
    delay = round((encoder.delay_s + decoder.delay_s) * SAMPLE_RATE)
    error = heard[delay:].astype(float) - said[: len(said) - delay]
    noise = error[SAMPLE_RATE // 20 :]
    assert np.sqrt(np.mean(noise**2)) < 0.03 * np.sqrt(np.mean(said.astype(float) ** 2))


@EACH_FORMAT
def test_the_delay_is_hardly_heard(each: Format) -> None:
    assert Encoder(message(each)).delay_s <= 0.004
    assert Decoder(message(each)).delay_s <= 0.004


@EACH_FORMAT
def test_flush_gives_what_the_delay_has_held_back(each: Format) -> None:
    encoder = Encoder(message(each))
    encoder.encode(voice().tobytes())
    assert len(encoder.flush()) == round(encoder.delay_s * bytes_a_second(each))


@EACH_FORMAT
@settings(max_examples=25)
@given(cuts=st.lists(st.integers(0, 2_000), max_size=6))
def test_the_same_comes_out_whatever_pieces_go_in(each: Format, cuts: list[int]) -> None:
    audio = voice().tobytes()[:4_000]
    encoder = Encoder(message(each))
    pieces = [encoder.encode(audio[2 * begin : 2 * end]) for begin, end in pairwise([0, *sorted(cuts), 2_000])]
    assert b"".join(pieces) == Encoder(message(each)).encode(audio)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 48_000])
def test_half_a_sample_is_refused_and_the_stream_goes_on(rate: int) -> None:
    decoder = Decoder(negotiate(AudioFormat(sample_rate_hertz=rate)))
    with pytest.raises(BadAudio, match="3 bytes are no whole number of 16-bit samples"):
        decoder.decode(b"\0\0\0")
    assert len(decoder.decode(bytes(rate * 2 * 80 // 1_000))) == FRAME_BYTES


def test_half_a_working_sample_is_refused() -> None:
    with pytest.raises(BadAudio):
        Encoder(AudioFormat(encoding=AUDIO_ENCODING_MULAW)).encode(b"\0")


def test_nothing_in_is_nothing_out() -> None:
    for each in CONVERTIBLE:
        assert Decoder(message(each)).decode(b"") == b""
        assert Encoder(message(each)).encode(b"") == b""


def test_a_format_that_was_not_negotiated_is_a_bug() -> None:
    with pytest.raises(ValueError, match="negotiate"):
        Decoder(AudioFormat(sample_rate_hertz=44_100))
