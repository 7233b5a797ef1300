import contextlib
import itertools

import numpy as np
import pytest
import sphn
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge.audio.ogg import InvalidAudio, OggReader, TooMuchAudio
from edge.audio.opus import AudioBudget, OpusDecoder, OpusEncoder
from tests.edge.sounds import (
    BOS,
    CONTINUED,
    EOS,
    LONGEST_PACKET,
    RATE,
    opus_stream,
    page,
    page_of_segments,
    pages_of,
    tone,
)

STREAM = opus_stream(1.0)
HEAD, TAGS, *AUDIO = pages_of(STREAM)
PACKET = AUDIO[5][28:]


def decode(decoder: OpusDecoder, piece: bytes, now: float = 0.0) -> bytes:
    return b"".join(decoder.decode(piece, now))


def started() -> OpusDecoder:
    decoder = OpusDecoder()
    assert decode(decoder, HEAD + TAGS) == b""
    return decoder


def seconds(pcm: bytes) -> float:
    return len(pcm) / 2 / RATE


WHOLE = decode(OpusDecoder(), STREAM)


class TestDecoding:
    def test_sounds_like_what_was_encoded(self) -> None:
        assert len(WHOLE) == 2 * 960 * len(AUDIO)
        delay = 153  # samples, by the codec
        heard = np.frombuffer(WHOLE, "<i2")[delay:].astype(float)
        spoken = np.frombuffer(tone(1.0), "<i2")[: heard.size].astype(float)
        assert np.corrcoef(heard, spoken)[0, 1] > 0.95

    @settings(max_examples=60)
    @given(st.lists(st.integers(0, len(STREAM)), max_size=200))
    @pytest.mark.unmute("C4", "S5")
    @example(list(range(len(STREAM))))
    def test_any_split_decodes_to_the_same(self, cuts: list[int]) -> None:
        decoder = OpusDecoder()
        edges = [0, *sorted(cuts), len(STREAM)]
        pieces = [STREAM[start:end] for start, end in itertools.pairwise(edges)]
        assert b"".join(decode(decoder, piece) for piece in pieces) == WHOLE

    @pytest.mark.unmute("C4", "S5", "B5")
    def test_stale_pages_before_the_first_bos_are_dropped(self) -> None:
        decoder = OpusDecoder()
        stale = pages_of(opus_stream(0.5))[2:]
        assert decode(decoder, stale[0]) == decode(decoder, stale[1] + stale[2]) == b""
        assert decode(decoder, stale[3] + STREAM) == WHOLE

    @pytest.mark.unmute("B5")
    def test_the_flag_counts_only_in_a_page(self) -> None:
        with pytest.raises(InvalidAudio, match="no Ogg page"):
            decode(OpusDecoder(), b"12345\x02")

    @pytest.mark.unmute("S5")
    def test_a_second_bos_begins_afresh(self) -> None:
        assert decode(OpusDecoder(), STREAM + STREAM) == WHOLE + WHOLE

    def test_pages_of_another_stream_are_dropped(self) -> None:
        stray = page(PACKET, serial=7)
        decoder = started()
        assert decode(decoder, b"".join(each + stray for each in AUDIO)) == WHOLE

    def test_a_stream_without_tags_decodes(self) -> None:
        assert decode(OpusDecoder(), HEAD + b"".join(AUDIO)) == WHOLE

    def test_the_end_of_a_stream_is_no_end(self) -> None:
        decoder = started()
        assert seconds(decode(decoder, page(PACKET, flags=EOS))) == 0.04
        assert seconds(decode(decoder, AUDIO[6])) == 0.04

    def test_a_packet_that_spans_pages(self) -> None:
        # 255 bytes on the first page, none on the second: the lacing value 0 ends the packet there.
        packet = PACKET[:1] + bytes(254)
        decoder = started()
        assert decode(decoder, page_of_segments(b"\xff", packet)) == b""
        assert decode(decoder, page_of_segments(b"\x00", b"", flags=CONTINUED))
        assert seconds(decode(decoder, AUDIO[6])) == 0.04

    def test_a_page_of_five_seconds(self) -> None:
        assert seconds(decode(started(), page(*[LONGEST_PACKET] * 41))) == pytest.approx(4.92)


class TestInvalidAudio:
    @pytest.mark.unmute("B4")
    @pytest.mark.parametrize(
        ("invalid", "why"),
        [
            (b"garbage", "no Ogg page"),
            (AUDIO[4][:-9] + AUDIO[5], "checksum"),
            (AUDIO[4][:-1] + b"\x00", "checksum"),
            (page(b""), "empty"),
            (page(PACKET, b"", PACKET), "empty"),
            (page(b"", flags=CONTINUED), "empty"),
            (page(b"\xff\xff\xff"), "damaged"),
            (page(b"\x03"), "damaged"),
            (page(*[LONGEST_PACKET] * 127), "damaged"),
            (page(*[PACKET[:250]] * 126), "damaged"),
            (page(b"\x01vorbis" + bytes(23), flags=BOS), "not Opus"),
            (page(b"\x7fFLAC" + bytes(46), flags=BOS), "not Opus"),
            (page(flags=BOS), "not Opus"),
        ],
        ids=[
            "garbage",
            "truncated page",
            "changed page",
            "empty packet",
            "empty packet between others",
            "empty packet that claims to go on",
            "damaged packet",
            "packet of no frames",
            "a page of 15 s",
            "a page of 5.04 s",
            "Vorbis",
            "FLAC",
            "stream without a header",
        ],
    )
    def test_is_refused_and_decoding_goes_on(self, invalid: bytes, why: str) -> None:
        decoder = started()
        assert seconds(decode(decoder, AUDIO[0])) == 0.04
        with pytest.raises(InvalidAudio, match=why):
            decode(decoder, invalid)
        restarts = [HEAD, TAGS] if why == "not Opus" else []
        following = b"".join([*restarts, *AUDIO[10:20]])
        assert seconds(decode(decoder, following, now=10.0)) == pytest.approx(0.4)

    def test_what_comes_before_it_is_kept(self) -> None:
        decoded = OpusDecoder().decode(HEAD + TAGS + AUDIO[0] + b"garbage" + AUDIO[1], now=0.0)
        assert seconds(next(decoded)) == 0.04
        with pytest.raises(InvalidAudio):
            next(decoded)

    def test_a_stream_that_is_not_opus_is_refused_once(self) -> None:
        decoder = OpusDecoder()
        with pytest.raises(InvalidAudio, match="not Opus"):
            decode(decoder, page(b"\x01vorbis", flags=BOS))
        assert decode(decoder, page(b"\x03vorbis")) == b""

    @settings(max_examples=100)
    @given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=6))
    @example([(26, 255), (27, 255)])
    def test_no_bytes_break_it(self, changes: list[tuple[int, int]]) -> None:
        """Damage may announce a page of up to 65 307 bytes. Once these have come, all is well again."""
        decoder = started()
        damaged = bytearray(b"".join(AUDIO[:3]))
        for at, value in changes:
            damaged[at] = value
        longest_page = page_of_segments(bytes([255] * 255), bytes(255 * 255), serial=7)
        for piece in (bytes(damaged), longest_page, longest_page):
            with contextlib.suppress(InvalidAudio):
                decode(decoder, piece)
        assert decode(decoder, STREAM, now=60.0) == WHOLE

    @settings(max_examples=100)
    @given(st.lists(st.binary(max_size=40), min_size=1, max_size=6), st.sampled_from([0, CONTINUED, EOS]))
    def test_no_packets_break_it(self, packets: list[bytes], flags: int) -> None:
        decoder = started()
        with contextlib.suppress(InvalidAudio):
            assert seconds(decode(decoder, page(*packets, flags=flags))) <= 0.12 * len(packets)
        assert seconds(decode(decoder, b"".join(AUDIO[10:20]), now=10.0)) == pytest.approx(0.4)


class TestBounds:
    def test_a_burst_is_taken_and_not_much_more(self) -> None:
        decoder = started()
        page_s = 41 * 0.12
        for _ in range(3):
            assert seconds(decode(decoder, page(*[LONGEST_PACKET] * 41))) == pytest.approx(page_s)
        with pytest.raises(TooMuchAudio, match="faster"):
            decode(decoder, page(*[LONGEST_PACKET] * 41))

    def test_one_message_is_bounded(self) -> None:
        decoder = started()
        taken: list[bytes] = []
        with pytest.raises(TooMuchAudio, match="faster"):
            taken.extend(decoder.decode(page(*[LONGEST_PACKET] * 41) * 1_000, now=0.0))
        assert 10.0 < seconds(b"".join(taken)) < 15.0

    def test_the_budget_comes_back_with_time(self) -> None:
        decoder = OpusDecoder(AudioBudget(burst_s=0.5, rate=1.0))
        with pytest.raises(TooMuchAudio, match="faster"):
            decode(decoder, STREAM, now=0.0)
        assert decode(decoder, AUDIO[0], now=0.0) == b""
        assert seconds(decode(decoder, AUDIO[1], now=1.0)) == 0.04

    def test_pages_without_audio_are_not_for_free(self) -> None:
        decoder = started()
        with pytest.raises(TooMuchAudio, match="faster"):
            decode(decoder, page() * 10_000)

    def test_pages_that_fail_are_not_for_free(self) -> None:
        decoder = started()
        reasons = []
        for _ in range(3):
            with pytest.raises(InvalidAudio) as refused:
                decode(decoder, page(*[LONGEST_PACKET] * 127))
            reasons.append(str(refused.value))
        assert "faster" in reasons[-1]

    def test_five_minutes_in_real_time(self) -> None:
        decoder = started()
        for number in range(7_500):
            assert seconds(decode(decoder, AUDIO[number % len(AUDIO)], now=number * 0.04)) == 0.04


class TestEncoding:
    @pytest.mark.unmute("C5", "S5")
    def test_headers_come_with_the_first_audio_and_never_again(self) -> None:
        encoder = OpusEncoder()
        first, second = encoder.encode(tone(0.08)), encoder.encode(tone(0.08))
        assert [page.begins_stream for page in OggReader().read(first)] == [True, False, False, False]
        assert b"OpusHead" in first
        assert b"Opus" not in second

    @pytest.mark.unmute("S5")
    def test_pages_are_as_unmutes(self) -> None:
        """One packet of 40 ms each, counted at 48 kHz; 80 ms of pre-skip; one stream, which is never said to end."""
        encoder = OpusEncoder()
        head, tags, *audio = OggReader().read(encoder.encode(tone(0.4)) + encoder.silence())
        assert (len(head.encoded), len(tags.encoded)) == (47, 55)
        assert int.from_bytes(head.body[10:12], "little") == 3_840
        assert tags.body.startswith(b"OpusTags")
        granules = [int.from_bytes(page.encoded[6:14], "little") for page in audio]
        assert [later - earlier for earlier, later in itertools.pairwise(granules)] == [1_920] * 11
        assert all(sum(size < 255 for size in page.lacing) == 1 for page in audio)
        assert not any(page.encoded[5] & EOS for page in (head, tags, *audio))

    def test_a_frame_is_two_pages(self) -> None:
        encoder = OpusEncoder()
        encoder.encode(tone(0.08))
        assert len(pages_of(encoder.encode(tone(0.08)))) == 2

    def test_flushing_brings_out_the_rest(self) -> None:
        encoder = OpusEncoder()
        pages = encoder.encode(tone(0.07)) + encoder.flush()
        assert seconds(decode(OpusDecoder(), pages)) == pytest.approx(0.12)

    def test_nothing_is_flushed_where_nothing_was_encoded(self) -> None:
        encoder = OpusEncoder()
        assert encoder.flush() == b""
        encoder.encode(tone(0.08))
        assert encoder.flush()
        assert encoder.flush() == b""

    @pytest.mark.unmute("C5")
    def test_silence_brings_out_the_rest_and_is_two_pages_by_itself(self) -> None:
        encoder = OpusEncoder()
        encoder.encode(tone(0.08))
        assert encoder.silence()
        assert len(pages_of(encoder.silence())) == 2
        assert encoder.flush() == b""

    def test_one_stream_across_flushes(self) -> None:
        encoder = OpusEncoder()
        stream = b"".join(encoder.encode(tone(0.2)) + encoder.flush() for _ in range(5))
        pages = list(OggReader().read(stream))
        assert {page.serial for page in pages} == {pages[0].serial}
        assert [int.from_bytes(page.encoded[18:22], "little") for page in pages] == list(range(len(pages)))
        assert sphn.OpusStreamReader(RATE).append_bytes(stream).size == 960 * (len(pages) - 2)
