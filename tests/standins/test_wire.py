from typing import Any

import msgpack
import pytest

from standins import wire

GOLDEN = {
    "81a474797065a55265616479": wire.ready(),
    "82a474797065a54572726f72a76d657373616765b06e6f2066726565206368616e6e656c73": wire.error("no free channels"),
    "83a474797065a4576f7264a474657874a26869aa73746172745f74696d65cb3fdeb851eb851eb8": wire.word("hi", 0.48),
    "82a474797065a7456e64576f7264a973746f705f74696d65cb3ff0000000000000": wire.end_word(1.0),
    "82a474797065a64d61726b6572a2696400": wire.marker(0),
    "84a474797065a453746570a8737465705f696478cd012ca370727394ca3e800000ca3f000000ca3f400000ca3f800000"
    "ac62756666657265645f70636dcd03c0": wire.step(300, [0.25, 0.5, 0.75, 1.0], 960),
    "84a474797065a454657874a474657874a26869a773746172745f73cb3fb47ae147ae147ba673746f705f73cb3fd999999999999a": (
        wire.text("hi", 0.08, 0.4)
    ),
    "82a474797065a5417564696fa370636d92ca00000000ca3f000000": wire.audio([0.0, 0.5]),
    "82a474797065a74f67674f707573a464617461934f67ccc8": wire.ogg_opus(b"\x4f\x67\xc8"),
    "83a474797065a5566f696365aa656d62656464696e677392ca3f000000ca3f800000a5736861706593010102": (
        wire.voice([0.5, 1.0], [1, 1, 2])
    ),
}


@pytest.mark.parametrize("golden", GOLDEN)
def test_what_the_server_sends_is_as_the_real_one_sends_it(golden: str) -> None:
    assert GOLDEN[golden].hex() == golden


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"type": "Audio", "pcm": [0, 0.5]}, wire.Audio([0, 0.5])),
        ({"more": 1, "pcm": [], "type": "Audio"}, wire.Audio([])),
        ({"type": "OggOpus", "data": [0, 255]}, wire.OggOpus([0, 255])),
        ({"type": "Marker", "id": -1}, wire.Marker(-1)),
        ({"type": "Init"}, wire.Init()),
    ],
)
def test_a_recogniser_reads(sent: dict[str, Any], read: wire.ClientMessage) -> None:
    assert wire.unpack(msgpack.packb(sent), wire.STT_KINDS) == read


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ({"type": "Text", "text": "hi"}, wire.Text("hi")),
        ({"type": "Voice", "embeddings": [0.5], "shape": [1]}, wire.Voice([0.5], [1])),
        ({"type": "Eos"}, wire.Eos()),
    ],
)
def test_a_synthesis_reads(sent: dict[str, Any], read: wire.ClientMessage) -> None:
    assert wire.unpack(msgpack.packb(sent), wire.TTS_KINDS) == read


@pytest.mark.parametrize(
    "sent",
    [
        {"type": "Audio", "pcm": b"\0\0"},
        {"type": "Audio", "pcm": ["a"]},
        {"type": "Audio", "pcm": [True]},
        {"type": "Audio"},
        {"type": "OggOpus", "data": [256]},
        {"type": "OggOpus", "data": b"\0"},
        {"type": "Marker", "id": 1.0},
        {"type": "Marker", "id": 2**63},
        {"type": "Ready"},
        {"type": 1},
        {"pcm": []},
        [1],
        None,
    ],
)
def test_what_is_amiss_is_not_read(sent: object) -> None:
    with pytest.raises(wire.BadMessage):
        wire.unpack(msgpack.packb(sent), wire.STT_KINDS)


@pytest.mark.parametrize(
    "sent", [b"", b"\xc1", b"\x81", b"\xdd\xff\xff\xff\xff", b"\x91" * 5_000, b"\x81\x90\x01", b"\xd4\xff\x00"]
)
def test_what_is_no_message_pack_is_not_read(sent: bytes) -> None:
    with pytest.raises(wire.BadMessage):
        wire.unpack(sent, wire.STT_KINDS)


@pytest.mark.parametrize("shape", [[], [1, 1, 1, 1], [-1], [1.0]])
def test_a_voice_has_one_to_three_dimensions(shape: list[int]) -> None:
    with pytest.raises(wire.BadMessage):
        wire.unpack(msgpack.packb({"type": "Voice", "embeddings": [], "shape": shape}), wire.TTS_KINDS)
