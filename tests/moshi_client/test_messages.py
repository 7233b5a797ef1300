"""The bytes are what the server's own encoder was seen to write."""

from contextlib import suppress
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mesh.errors import UpstreamDown
from moshi_client.floats import packed_floats, unpacked_floats
from moshi_client.messages import (
    Audio,
    EndWord,
    Eos,
    Error,
    Marker,
    Ready,
    SpokenText,
    Step,
    Text,
    Unknown,
    Word,
    from_recogniser,
    from_voice,
    numbers,
    packed,
    unpacked,
)

READY = "81a474797065a55265616479"
FULL = "82a474797065a54572726f72a76d657373616765b06e6f2066726565206368616e6e656c73"
WORD = "83a474797065a4576f7264a474657874a26869aa73746172745f74696d65cb3fdeb851eb851eb8"
END_WORD = "82a474797065a7456e64576f7264a973746f705f74696d65cb3ff0000000000000"
MARKER = "82a474797065a64d61726b6572a2696400"
STEP = (
    "84a474797065a453746570a8737465705f696478cd012ca370727394ca3e800000ca3f000000ca3f400000ca3f800000"
    "ac62756666657265645f70636dcd03c0"
)
SPOKEN = "84a474797065a454657874a474657874a26869a773746172745f73cb3fb47ae147ae147ba673746f705f73cb3fd999999999999a"
AUDIO = "82a474797065a5417564696fa370636d92ca00000000ca3f000000"
OPUS = "82a474797065a74f67674f707573a464617461934f67ccc8"


@pytest.mark.unmute("S11")
@pytest.mark.parametrize(
    ("decoder", "golden", "message"),
    [
        (from_recogniser, READY, Ready()),
        (from_recogniser, FULL, Error("no free channels")),
        (from_recogniser, WORD, Word("hi", 0.48)),
        (from_recogniser, END_WORD, EndWord(1.0)),
        (from_recogniser, MARKER, Marker(0)),
        (from_voice, READY, Ready()),
        (from_voice, FULL, Error("no free channels")),
        (from_voice, SPOKEN, SpokenText("hi", 0.08, 0.4)),
    ],
)
def test_golden_bytes_in_both_directions(decoder: Any, golden: str, message: Any) -> None:
    assert unpacked(bytes.fromhex(golden), decoder) == message
    assert packed(message).hex() == golden


@pytest.mark.unmute("S11")
def test_golden_audio_in_both_directions() -> None:
    message = unpacked(bytes.fromhex(AUDIO), from_voice)
    assert isinstance(message, Audio)
    assert unpacked_floats(message.pcm).tolist() == [0.0, 0.5]
    assert packed(Audio(Raw(packed_floats(np.array([0, 0.5], np.float32))))).hex() == AUDIO


@pytest.mark.unmute("S11")
def test_golden_step() -> None:
    message = unpacked(bytes.fromhex(STEP), from_recogniser)
    assert isinstance(message, Step)
    assert unpacked_floats(message.prs).tolist() == [0.25, 0.5, 0.75, 1.0]
    assert message.buffered_pcm == 960


@pytest.mark.unmute("S11")
def test_what_is_said_to_the_voice() -> None:
    assert packed(Text("hi")) == msgspec.msgpack.encode({"type": "Text", "text": "hi"})
    assert packed(Eos()) == msgspec.msgpack.encode({"type": "Eos"})


def test_an_older_server_leaves_a_field_out() -> None:
    message = unpacked(msgspec.msgpack.encode({"prs": [0.5], "step_idx": 1, "type": "Step"}), from_recogniser)
    assert isinstance(message, Step)
    assert message.buffered_pcm is None


@pytest.mark.parametrize("golden", [OPUS, AUDIO])
def test_a_message_that_is_not_known_here_is_told_apart(golden: str) -> None:
    """One of a newer server; one of the other kind of server is a fault."""
    if golden == OPUS:
        assert unpacked(bytes.fromhex(golden), from_recogniser) == Unknown("OggOpus")
    else:
        with pytest.raises(msgspec.ValidationError):
            unpacked(bytes.fromhex(golden), from_recogniser)


@pytest.mark.parametrize("time", [-0.1, float("nan"), float("inf"), 1e9, "1", None])
def test_a_time_that_no_stream_has_is_refused(time: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        unpacked(msgspec.msgpack.encode({"type": "EndWord", "stop_time": time}), from_recogniser)


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x00", b"\x80", b"\x81\xa4type\xc0", b"hello"])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        unpacked(data, from_voice)


@given(st.binary(max_size=100) | st.sampled_from([STEP, WORD, AUDIO, SPOKEN]).map(bytes.fromhex), st.binary(max_size=4))
def test_no_bytes_do_anything_else_than_be_refused(data: bytes, more: bytes) -> None:
    decoders: list[Any] = [from_recogniser, from_voice]
    for decoder in decoders:
        for each in (data, data + more, data[: len(more)] + more + data[len(more) + 1 :]):
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                unpacked(each, decoder)


@given(st.integers(0, 40), st.integers(0, 40), st.binary(max_size=3))
def test_audio_that_somebody_has_changed_is_read_as_any_decoder_would_or_refused(at: int, to: int, put: bytes) -> None:
    data = bytes.fromhex(AUDIO)
    data = data[:at] + put + data[max(at, to) :]
    try:
        decoded = msgspec.msgpack.decode(data)
        samples = msgspec.convert(decoded["pcm"], list[float]) if decoded["type"] == "Audio" else None
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError):
        samples = None
    try:
        message = unpacked(data, from_voice)
        got = numbers(message.pcm) if isinstance(message, Audio) else None
    except (msgspec.DecodeError, UnicodeDecodeError, UpstreamDown):
        got = None
    assert (got is None) == (samples is None)
    if samples is not None:
        np.testing.assert_array_equal(got, np.array(samples, np.float64).astype(np.float32))
