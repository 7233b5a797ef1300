import pytest

from mesh.audio import CONVERTIBLE, WORKING_ONLY, negotiate
from mesh.errors import BadAudioFormat
from parley.audio.v1.audio_pb2 import (
    AUDIO_ENCODING_ALAW,
    AUDIO_ENCODING_LINEAR16,
    AUDIO_ENCODING_MULAW,
    AudioFormat,
)


@pytest.mark.parametrize(
    ("offered", "answer"),
    [
        (None, (AUDIO_ENCODING_LINEAR16, 24_000)),
        (AudioFormat(), (AUDIO_ENCODING_LINEAR16, 24_000)),
        (AudioFormat(sample_rate_hertz=16_000), (AUDIO_ENCODING_LINEAR16, 16_000)),
        (AudioFormat(encoding=AUDIO_ENCODING_LINEAR16), (AUDIO_ENCODING_LINEAR16, 24_000)),
        (AudioFormat(encoding=AUDIO_ENCODING_MULAW), (AUDIO_ENCODING_MULAW, 8_000)),
        (AudioFormat(encoding=AUDIO_ENCODING_ALAW, sample_rate_hertz=8_000), (AUDIO_ENCODING_ALAW, 8_000)),
    ],
)
def test_the_answer_leaves_nothing_out(offered: AudioFormat | None, answer: tuple[int, int]) -> None:
    agreed = negotiate(offered)
    assert (agreed.encoding, agreed.sample_rate_hertz) == answer


@pytest.mark.parametrize("allowed", CONVERTIBLE)
def test_an_answer_is_its_own_answer(allowed: tuple[AudioFormat, int]) -> None:
    offered = AudioFormat(encoding=allowed[0], sample_rate_hertz=allowed[1])  # type: ignore[arg-type]  # a NamedTuple's
    assert negotiate(offered) == offered


@pytest.mark.parametrize(
    ("offered", "message"),
    [
        (AudioFormat(sample_rate_hertz=44_100), "16-bit PCM at 44100 Hz is not taken here"),
        (AudioFormat(sample_rate_hertz=-1), "16-bit PCM at -1 Hz"),
        (AudioFormat(encoding=AUDIO_ENCODING_MULAW, sample_rate_hertz=16_000), "G.711 µ-law at 16000 Hz"),
        (AudioFormat(encoding=9), "encoding 9 at 24000 Hz"),  # type: ignore[arg-type]  # as a newer client would send
    ],
)
def test_what_is_not_taken_is_refused_by_name(offered: AudioFormat, message: str) -> None:
    with pytest.raises(BadAudioFormat, match=message) as caught:
        negotiate(offered, field="config.input_format")
    assert caught.value.field == "config.input_format"


def test_a_service_may_take_the_working_format_alone() -> None:
    assert negotiate(None, allowed=WORKING_ONLY).sample_rate_hertz == 24_000
    with pytest.raises(BadAudioFormat, match="only 16-bit PCM at 24000 Hz"):
        negotiate(AudioFormat(sample_rate_hertz=16_000), allowed=WORKING_ONLY)
