"""The microphone in, in every format, and the reply's audio out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mesh.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE, Decoder, Encoder
from parley.audio.v1 import audio_pb2
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.tts import recorded
from tests.orchestrator.caller import SILENCE, SPEECH, TYPED
from tests.orchestrator.harness import Harness

LINEAR16, MULAW, ALAW = (
    audio_pb2.AUDIO_ENCODING_LINEAR16,
    audio_pb2.AUDIO_ENCODING_MULAW,
    audio_pb2.AUDIO_ENCODING_ALAW,
)
FORMATS = {
    "PCM 8k": audio_pb2.AudioFormat(encoding=LINEAR16, sample_rate_hertz=8_000),
    "PCM 16k": audio_pb2.AudioFormat(encoding=LINEAR16, sample_rate_hertz=16_000),
    "PCM 48k": audio_pb2.AudioFormat(encoding=LINEAR16, sample_rate_hertz=48_000),
    "µ-law": audio_pb2.AudioFormat(encoding=MULAW, sample_rate_hertz=8_000),
    "A-law": audio_pb2.AudioFormat(encoding=ALAW, sample_rate_hertz=8_000),
}
formats = pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS.keys())


def tone(seconds: float) -> bytes:
    """400 Hz, working format."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (8_000 * np.sin(2 * np.pi * 400 * time)).astype("<i2").tobytes()


def samples(pcm: bytes) -> NDArray[np.float64]:
    return np.frombuffer(pcm, "<i2").astype(np.float64)


def likeness(one: bytes, other: bytes) -> float:
    """The best correlation of two signals within 10 ms of each other; 1 for the same signal."""
    length = min(len(one), len(other)) // 2
    first, second = samples(one)[:length], samples(other)[:length]
    shifts = range(SAMPLE_RATE // 100)
    return max(float(np.corrcoef(first[: length - shift], second[shift:])[0, 1]) for shift in shifts)


async def test_the_working_format_goes_through_untouched(harness: Harness) -> None:
    async with harness.calling() as caller:
        sent = [tone(0.08), SILENCE, tone(0.02), SPEECH, tone(1.0)]
        await caller.play(*sent)
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == sum(map(len, sent)))
        assert bytes(hearing.audio) == b"".join(sent)


@formats
async def test_the_recogniser_hears_every_format(harness: Harness, format_: audio_pb2.AudioFormat) -> None:
    said = tone(0.8)
    encoder = Encoder(format_)
    async with harness.calling(pb.ConverseConfig(input_format=format_)) as caller:
        assert caller.received("started")[0].input_format == format_
        for at in range(0, len(said), FRAME_BYTES):
            await caller.play(encoder.encode(said[at : at + FRAME_BYTES]))
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == len(said))
        assert likeness(said, bytes(hearing.audio)) > 0.99


@formats
async def test_the_person_hears_every_format(harness: Harness, format_: audio_pb2.AudioFormat) -> None:
    said = tone(0.4)
    harness.tts.script = recorded(said)
    async with harness.calling(pb.ConverseConfig(output_format=format_, typed_only=True)) as caller:
        assert caller.received("started")[0].output_format == format_
        await caller.say("Hi!")
        await caller.until("reply_finished")
    heard = Decoder(format_).decode(caller.audio("reply_1"))
    assert abs(len(heard) - len(said)) <= 8
    assert likeness(said, heard) > 0.99


async def test_nothing_of_a_reply_is_held_back_into_the_next(harness: Harness) -> None:
    """A filter that resamples holds the last milliseconds: every reply needs its own."""
    loud, quiet = np.full(3 * FRAME_SAMPLES, 20_000, "<i2").tobytes(), bytes(3 * FRAME_BYTES)
    harness.tts.script = recorded(loud, quiet)
    async with harness.calling(pb.ConverseConfig(output_format=FORMATS["PCM 8k"], typed_only=True)) as caller:
        for _ in range(2):
            await caller.say("Hi!")
            await caller.until("reply_finished")
    assert samples(caller.audio("reply_1")).max() > 15_000
    assert not samples(caller.audio("reply_2")).any()


async def test_half_a_sample_is_rejected_and_nothing_of_it_taken(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.play(SPEECH + b"x", request_id="odd")
        event = await caller.until_event("request_rejected")
        assert event.request_id == "odd"
        assert event.request_rejected.reason == "BAD_AUDIO"
        await caller.play(SILENCE)
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) > 0)
        assert bytes(hearing.audio) == SILENCE


@pytest.mark.parametrize(
    ("format_", "ten_seconds"),
    [(FORMATS["µ-law"], 80_000), (FORMATS["PCM 8k"], 160_000), (FORMATS["PCM 48k"], 960_000)],
    ids=["µ-law", "PCM 8k", "PCM 48k"],
)
async def test_more_than_ten_seconds_at_once_are_rejected(
    harness: Harness, format_: audio_pb2.AudioFormat, ten_seconds: int
) -> None:
    async with harness.calling(pb.ConverseConfig(input_format=format_)) as caller:
        await caller.play(bytes(ten_seconds + 2), request_id="long")
        event = await caller.until_event("request_rejected")
        assert event.request_id == "long"
        assert event.request_rejected.reason == "AUDIO_TOO_LONG"
        await caller.play(bytes(ten_seconds))
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == 10 * 2 * SAMPLE_RATE)


async def test_no_audio_at_all_is_no_fault(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.play(b"", SILENCE)
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: bytes(hearing.audio) == SILENCE)
        assert caller.names() == ["started"]


async def test_who_types_has_no_microphone(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.play(SILENCE, request_id="r")
        event = await caller.until_event("request_rejected")
        assert event.request_id == "r"
        assert event.request_rejected.reason == "NO_MICROPHONE"
        await caller.say("Hi!")
        await caller.until("reply_finished")
