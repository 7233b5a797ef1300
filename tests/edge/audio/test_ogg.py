import pytest

from edge.audio.ogg import InvalidAudio, OggReader, checksum
from tests.edge.sounds import BOS, CONTINUED, opus_stream, page, page_of_segments, pages_of, sealed

STREAM = opus_stream(0.4)
PAGES = pages_of(STREAM)


def read(reader: OggReader, piece: bytes) -> list[bytes]:
    return [each.encoded for each in reader.read(piece)]


def test_pages_are_found_one_after_the_other() -> None:
    assert b"".join(PAGES) == STREAM
    assert [len(each) for each in PAGES[:2]] == [47, 55]


def test_the_checksum_is_the_one_other_encoders_write() -> None:
    assert all(checksum(each).to_bytes(4, "little") == each[22:26] for each in PAGES)


def test_fields_of_a_page() -> None:
    [first] = OggReader().read(page(b"OpusHead", bytes(300), flags=BOS, serial=7))
    assert first.begins_stream
    assert not first.continues_packet
    assert first.serial == 7
    assert first.lacing == bytes([8, 255, 45])
    assert first.body == b"OpusHead" + bytes(300)
    [later] = OggReader().read(page(b"x", flags=CONTINUED))
    assert later.continues_packet
    assert not later.begins_stream


def test_a_page_without_segments() -> None:
    [empty] = OggReader().read(page())
    assert empty.lacing == empty.body == b""


def test_the_largest_page() -> None:
    reader = OggReader()
    largest = page_of_segments(bytes([255] * 255), bytes(255 * 255))
    assert len(largest) == 65_307
    assert read(reader, largest[:-1]) == []
    assert read(reader, largest[-1:]) == [largest]


def test_bytes_come_one_at_a_time() -> None:
    reader = OggReader()
    assert [found for byte in STREAM for found in read(reader, bytes([byte]))] == PAGES


@pytest.mark.parametrize(
    "garbage",
    [b"x", b"Og!", b"RIFF" + bytes(100), bytes(10_000), b"oggs" * 10],
    ids=["a byte", "nearly", "a wave file", "zeros", "lower case"],
)
def test_bytes_without_a_page_are_refused_at_once(garbage: bytes) -> None:
    reader = OggReader()
    with pytest.raises(InvalidAudio, match="no Ogg page"):
        read(reader, garbage)
    assert read(reader, STREAM) == PAGES


def test_what_is_left_of_an_earlier_page_is_skipped() -> None:
    assert read(OggReader(), PAGES[2][30:] + PAGES[3]) == [PAGES[3]]


def test_garbage_after_a_page_is_refused_after_the_page() -> None:
    reader = OggReader()
    found = reader.read(PAGES[0] + b"garbage" + PAGES[1])
    assert next(found).encoded == PAGES[0]
    with pytest.raises(InvalidAudio):
        next(found)
    assert read(reader, PAGES[2]) == [PAGES[2]]


@pytest.mark.parametrize(
    ("damaged", "why"),
    [
        (sealed(PAGES[2][:4] + b"\x01" + PAGES[2][5:]), "version"),
        (PAGES[2][:-1] + bytes([PAGES[2][-1] ^ 1]), "checksum"),
        (PAGES[2][:5] + b"\x08" + PAGES[2][6:], "checksum"),
        (PAGES[2][:-7] + PAGES[3], "checksum"),
    ],
    ids=["unknown version", "changed body", "changed flags", "truncated"],
)
def test_a_damaged_page_is_refused_and_the_next_message_is_read(damaged: bytes, why: str) -> None:
    reader = OggReader()
    with pytest.raises(InvalidAudio, match=why):
        read(reader, damaged)
    assert read(reader, PAGES[4]) == [PAGES[4]]


def test_dropping_forgets_an_unfinished_page() -> None:
    reader = OggReader()
    assert read(reader, PAGES[0] + PAGES[1][:20]) == [PAGES[0]]
    reader.drop()
    assert read(reader, PAGES[2]) == [PAGES[2]]
