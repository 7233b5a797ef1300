"""What phones, browsers and recorders write is taken, told by its bytes and not by a name."""

import io
import random
import struct
from pathlib import Path

import av
import numpy as np
import pytest

from mesh.errors import BadAudio
from tests.missing import without
from tests.voice_service.analysis.media import PHONES_AND_BROWSERS, made
from tests.voice_service.harness import spoken, wav, wav_of
from tts_proxy.engines.espeak.library import Prosody
from voice_service.analysis import containers
from voice_service.analysis.containers import Decoder, ExtraMissing, Unusable, kind_of
from voice_service.analysis.features import features_of
from voice_service.analysis.process import KindNotDecoded, analysed
from voice_service.analysis.recording import SAMPLE_RATE, decoded
from voice_service.analysis.sizes import with_true_sizes

SPEECH = spoken(Prosody("gmw/en-US+f3"))
RUBBISH = random.Random(1).randbytes(1 << 20)  # noqa: S311 - the same each time
SECONDS = len(SPEECH[0]) / SPEECH[1]


def check_it_is_ada(recording: bytes) -> None:
    samples = decoded(recording)
    assert len(samples) == pytest.approx(SECONDS * SAMPLE_RATE, rel=0.08)
    assert features_of(samples, SAMPLE_RATE).pitch_hz == pytest.approx(213, rel=0.03)


@pytest.mark.parametrize(("muxer", "codec", "rate", "options"), PHONES_AND_BROWSERS)
def test_it_is_decoded(muxer: str, codec: str, rate: int, options: dict[str, str]) -> None:
    check_it_is_ada(made(muxer, codec, rate, options))


@pytest.mark.parametrize(
    "row", [("ipod", "aac", 44_100), ("webm", "libopus", 48_000), ("3gp", "libopencore_amrnb", 8_000)]
)
async def test_it_is_decoded_within_the_limits_of_the_process(row: tuple[str, str, int]) -> None:
    found = await analysed(made(*row))
    assert found.pitch_hz == pytest.approx(213, rel=0.03)


@pytest.mark.parametrize("row", [each[:3] for each in PHONES_AND_BROWSERS])
def test_without_the_extra_a_kind_is_taken_or_the_extra_is_named(
    row: tuple[str, str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = made(*row)
    monkeypatch.setattr(containers, "has_ffmpeg", lambda: False)
    try:
        check_it_is_ada(recording)
    except ExtraMissing as error:
        assert 'needs the extra "uploads"' in str(error)  # noqa: PT017 - both ends are right
        assert kind_of(recording).name in str(error)  # noqa: PT017
        assert kind_of(recording).decoder is Decoder.FFMPEG or row[0] in ("ogg", "caf")


async def test_the_service_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    recording = made("ipod", "aac", 44_100)
    without(monkeypatch, tmp_path, "av")
    with pytest.raises(KindNotDecoded, match=r'an M4A file, which needs the extra "uploads"'):
        await analysed(recording)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xd8\xff\xe0" + bytes(1_000), "a picture"),
        (b"\x89PNG\r\n" + bytes(1_000), "a picture"),
        (b"RIFF\0\0\0\0WEBPVP8 " + bytes(1_000), "a picture"),
        (b"RIFF\0\0\0\0AVI LIST" + bytes(1_000), "no WAV"),
        (b"%PDF-1.7" + bytes(1_000), "a PDF"),
        (b"PK\x03\x04" + bytes(1_000), "a ZIP"),
        (b"MThd\0\0\0\x06" + bytes(1_000), "MIDI"),
        (b"#EXTM3U\nfile:///etc/passwd\n", "playlist"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no audio file of a kind"),
        (b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=audio 1 RTP/AVP 0\n", "no audio file of a kind"),
        (bytes(4) + b"ftypM4A " + bytes(4_000), "no M4A file that can be decoded"),
        (b"\x1a\x45\xdf\xa3" + bytes(4_000), "no WebM"),
        (b"#!AMR\n", "no AMR"),
        (b"caff\0\1\0\0", "no CAF"),
        (RUBBISH, "no audio file of a kind"),
    ],
)
def test_what_is_no_recording_is_named(content: bytes, said: str) -> None:
    with pytest.raises(Unusable, match=said):
        decoded(content)


def test_a_film_without_sound_is_no_recording() -> None:
    with pytest.raises(Unusable, match="holds no sound"):
        decoded(film())


def film() -> bytes:
    """A second of grey, as MP4."""
    kept = io.BytesIO()
    with av.open(kept, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.full((96, 64), 128, np.uint8), format="yuv420p")))
        container.mux(stream.encode(None))
    return kept.getvalue()


def with_sizes(recording: bytes, mark: bytes, form: int, samples: int, order: str = "little") -> bytes:
    """The file with these numbers as its own size and that of its samples."""
    changed = bytearray(recording)
    at = changed.index(mark) + 4
    code = "<I" if order == "little" else ">I"
    changed[4:8], changed[at : at + 4] = struct.pack(code, form), struct.pack(code, samples)
    return bytes(changed)


UNPATCHED = [(0, 0), (0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFFFFF, 0x7FFFFFDB), (36, 0), (0, 0xFFFFFFFF), (10**9, 10**9)]
PLAIN = wav(*SPEECH)
EXTENSIBLE = (
    PLAIN[:16]
    + struct.pack("<IHHIIHH", 40, 0xFFFE, 1, SPEECH[1], 2 * SPEECH[1], 2, 16)
    + struct.pack("<HHIH", 22, 16, 4, 1)
    + bytes.fromhex("000000001000800000aa00389b71")
    + PLAIN[36:]
)
LISTED = PLAIN[:36] + b"LIST\x04\0\0\0INFO" + PLAIN[36:]


@pytest.mark.parametrize(("form", "samples"), UNPATCHED)
@pytest.mark.parametrize("whole", [PLAIN, EXTENSIBLE, LISTED], ids=["plain", "extensible", "with a list before"])
def test_a_wav_whose_sizes_were_never_filled_in_is_taken(whole: bytes, form: int, samples: int) -> None:
    check_it_is_ada(with_sizes(whole, b"data", form, samples))


@pytest.mark.parametrize(("form", "samples"), UNPATCHED)
def test_an_aiff_whose_sizes_were_never_filled_in_is_taken(form: int, samples: int) -> None:
    check_it_is_ada(with_sizes(made("aiff", "pcm_s16be", 44_100), b"SSND", form, samples, "big"))


@pytest.mark.parametrize("samples", [0, 0xFFFFFFFF, 10**12])
def test_an_rf64_whose_sizes_were_never_filled_in_is_taken(samples: int) -> None:
    whole = made("wav", "pcm_s16le", 48_000, {"rf64": "always"})
    at = whole.index(b"ds64") + 8
    check_it_is_ada(whole[:at] + struct.pack("<QQ", samples, samples) + whole[at + 16 :])


@pytest.mark.parametrize("part", [0.5, 0.9])
@pytest.mark.parametrize(
    "row",
    [("wav", "pcm_s16le", 44_100), ("mp3", "mp3", 44_100), ("webm", "libopus", 48_000), ("ogg", "libopus", 48_000)],
)
def test_a_recording_that_was_cut_off_is_taken_so_far(row: tuple[str, str, int], part: float) -> None:
    whole = made(*row)
    assert len(decoded(whole[: int(part * len(whole))])) == pytest.approx(
        part * SECONDS * SAMPLE_RATE, abs=1.2 * SAMPLE_RATE
    )


@pytest.mark.parametrize(
    "content", [b"", b"RIFF", PLAIN[:12], PLAIN[:44], PLAIN, wav_of(1, 16, 8_000, bytes(100)), b"FORM" * 9]
)
def test_what_is_in_order_or_beyond_repair_stays_as_it_is(content: bytes) -> None:
    assert with_true_sizes(content) == content


async def test_a_playlist_in_disguise_opens_nothing(tmp_path: Path) -> None:
    """A demuxer that guesses would open the file that it names."""
    secret = tmp_path / "secret.wav"
    secret.write_bytes(PLAIN)
    for disguise in (
        b"#EXTM3U\n#EXTINF:9,\n%b\n",
        b"ffconcat version 1.0\nfile %b\n",
        b"ID3\n#EXTM3U\n#EXTINF:9,\n%b\n",
    ):
        with pytest.raises(BadAudio):
            await analysed(disguise % str(secret).encode())
