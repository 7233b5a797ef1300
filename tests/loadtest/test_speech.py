import struct

import numpy as np
import pytest

from edge.audio.opus import OpusDecoder
from loadtest.opus_stream import OggClock, OggOpusWriter
from loadtest.speech import PACKET_S, opus_voice, pcm_voice, questions, voiced_s
from mesh.audio import FRAME_S


def loud_pieces(pcm: bytes) -> "np.ndarray[tuple[int], np.dtype[np.bool_]]":
    """Which 80 ms frames a recogniser takes for speech."""
    frames = np.frombuffer(pcm, "<i2")[: len(pcm) // 2 // 1_920 * 1_920].reshape(-1, 1_920) / 32_768
    return np.asarray(np.sqrt((frames**2).mean(axis=1)) > 0.01)


def test_the_questions_are_speech_without_a_pause() -> None:
    spoken = questions()
    assert len(spoken) == 6
    for samples in spoken:
        loud = loud_pieces(samples.tobytes())
        first, *_, last = np.flatnonzero(loud)
        # A pause of 0.4 s would be five quiet frames.
        assert "0000" not in "".join(str(int(each)) for each in loud[first : last + 1])
        assert 1.5 < voiced_s(samples) < 3


def test_speech_ends_with_its_last_sound() -> None:
    tone = np.rint(8_000 * np.sin(np.arange(24_000) / 5)).astype(np.int16)
    assert voiced_s(np.concatenate([tone, np.zeros(12_000, np.int16)])) == pytest.approx(1.0)
    assert voiced_s(np.zeros(12_000, np.int16)) == 0.5


def test_pcm_frames_are_the_recording() -> None:
    samples = questions()[0]
    voice = pcm_voice([samples])
    frames = voice.utterances[0].frames
    assert voice.frame_s == FRAME_S
    assert b"".join(frames)[: len(samples) * 2] == samples.astype("<i2").tobytes()
    assert {len(frame) for frame in frames} == {len(voice.quiet)} == {3_840}


def test_packets_of_several_utterances_make_one_stream_that_decodes() -> None:
    samples = questions()[1]
    voice = opus_voice([samples])
    writer, clock, decoder = OggOpusWriter(), OggClock(), OpusDecoder()
    packets = [*voice.utterances[0].frames, *[voice.quiet] * 10, *voice.utterances[0].frames, *[voice.quiet] * 10]
    pages = [writer.page(packet) for packet in packets]
    pcm = b"".join(b"".join(decoder.decode(page, now=index * PACKET_S)) for index, page in enumerate(pages))
    length_s = len(packets) * PACKET_S
    assert len(pcm) / 2 / 24_000 == pytest.approx(length_s)
    assert sum(map(clock.seconds, pages)) == pytest.approx(length_s)
    loud = loud_pieces(pcm)
    assert not loud[-3:].any()
    assert np.diff(np.flatnonzero(loud)).max() >= 5, "the utterances are apart"


def test_pages_have_numbers_positions_and_a_serial_of_their_own() -> None:
    first, second = OggOpusWriter(), OggOpusWriter()
    voice = opus_voice(questions()[:1])
    first.page(voice.quiet)
    second.page(voice.quiet)
    pages = [first.page(voice.quiet), first.page(voice.quiet)]
    fields = [struct.unpack_from("<4sBBqIII", page) for page in pages]
    assert [field[5] for field in fields] == [3, 4]
    assert [field[3] for field in fields] == [3_840, 5_760]
    assert fields[0][4] == fields[1][4] != struct.unpack_from("<4sBBqI", second.page(voice.quiet))[4]


@pytest.mark.parametrize("pages", [b"RIFF" + bytes(40), b"OggS" + bytes(10)])
def test_what_is_no_page_is_refused(pages: bytes) -> None:
    with pytest.raises(ValueError, match="Ogg"):
        OggClock().seconds(pages)
