"""The Synthesize RPC over real sockets, spoken by the real engine."""

import asyncio
import random
import time

import grpc
import pytest
from structlog.testing import capture_logs

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.errors import AtCapacity, BadAudioFormat, ConfigRequired, Idle, InvalidRequest, VoiceNotFound
from mesh.times import seconds
from parley.audio.v1 import audio_pb2
from parley.tts.v1 import tts_pb2 as pb
from tests.tts_proxy.proxy import LIMIT_S, Call, config, finish, heard, serving, text

REPLY = "Well, hello there! It is **really** good to hear from you again, my dear old friend. How are you?"
A_LOT = "This sentence is said again and again, until somebody reads it. " * 150


async def test_a_reply_is_spoken_in_order() -> None:
    async with serving() as proxy:
        reply = await proxy.reply(config("en-us+f3"), *map(text, REPLY.split()), finish())

    assert reply.kinds[0] == "started"
    assert reply.kinds[-1] == "finished"
    assert set(reply.kinds[1:-1]) == {"word", "audio"}
    assert reply.responses[0].started.format == audio_pb2.AudioFormat(
        encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=24_000
    )
    assert {len(frame) for frame in reply.frames[:-1]} == {FRAME_BYTES}
    assert 0 < len(reply.frames[-1]) <= FRAME_BYTES
    length_s = sum(map(len, reply.frames)) / 2 / SAMPLE_RATE
    assert seconds(reply.responses[-1].finished.audio_duration) == pytest.approx(length_s)
    assert reply.text == REPLY
    starts = [start for _, start, _ in reply.words]
    assert starts == sorted(starts)
    assert reply.words[-1][2] == pytest.approx(length_s)


async def test_words_come_before_the_audio_that_holds_them() -> None:
    async with serving() as proxy:
        reply = await proxy.reply(config(), text(REPLY), finish())
    sent = 0
    for response in reply.responses:
        sent += len(response.audio.audio)
        if response.HasField("word"):
            assert seconds(response.word.start_offset) >= sent / 2 / SAMPLE_RATE


async def test_speech_begins_while_text_is_still_coming() -> None:
    async with serving() as proxy:
        call = await proxy.opened()
        await call.write(text("Well, let"))
        response = await call.read()
        assert isinstance(response, pb.SynthesizeResponse)
        assert response.word.text == "Well,"
        await call.write(text("me think."))
        await call.write(finish())
        assert (await heard(call)).text == "let me think."


@pytest.mark.parametrize("words", ["", " ", "🎉", "* — ...", "\n#\n"])
async def test_a_reply_without_words_is_silent(words: str) -> None:
    async with serving() as proxy:
        reply = await proxy.reply(config(), text(words), finish())
    assert reply.kinds == ["started", "finished"]
    assert seconds(reply.responses[-1].finished.audio_duration) == 0


async def test_pieces_are_whole_words() -> None:
    async with serving() as proxy:
        reply = await proxy.reply(config(), text("Grand"), text("mother is"), text(" here "), text("."), finish())
    assert reply.text == "Grand mother is here"


async def test_the_longest_text_is_spoken() -> None:
    words = "Stars:" + " *" * 4_993 + " the end"
    assert len(words) == 10_000
    async with serving() as proxy:
        reply = await proxy.reply(config(), text(words), finish())
    assert reply.text == "Stars: the end"


@pytest.mark.parametrize(
    "wanted",
    [
        audio_pb2.AudioFormat(sample_rate_hertz=16_000),
        audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW),
        audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=48_000),
    ],
)
async def test_other_formats_are_refused(wanted: audio_pb2.AudioFormat) -> None:
    async with serving() as proxy:
        with pytest.raises(BadAudioFormat) as caught:
            await proxy.reply(pb.SynthesizeRequest(config=pb.SynthesizeConfig(format=wanted)))
    assert caught.value.field == "config.format"


async def test_the_config_comes_first() -> None:
    async with serving() as proxy:
        with pytest.raises(ConfigRequired):
            await proxy.reply(text("Hello."))


async def test_an_unknown_voice_is_refused_and_takes_no_slot() -> None:
    async with serving(capacity=1) as proxy:
        with pytest.raises(VoiceNotFound, match="'nobody'"):
            await proxy.opened("nobody")
        await proxy.opened()


async def test_an_unknown_voice_is_replaced_where_the_caller_asks_for_that() -> None:
    """By the default voice, in one call and one slot; without a default voice there is nothing to replace it with."""
    async with serving(capacity=1) as proxy:
        asked = pb.SynthesizeConfig(voice="nobody", replace_unknown_voice=True)
        reply = await proxy.reply(pb.SynthesizeRequest(config=asked), text("Hello."), finish())
        replaced = reply.responses[0].started.voice_replaced
        assert (replaced.reason, reply.kinds[-1]) == ("VOICE_NOT_FOUND", "finished")
        assert replaced.message == "There is no voice 'nobody'; I am using another."
        known = pb.SynthesizeConfig(replace_unknown_voice=True)
        reply = await proxy.reply(pb.SynthesizeRequest(config=known), text("Hello."), finish())
        assert not reply.responses[0].started.HasField("voice_replaced")


async def test_one_too_many_is_refused_until_a_slot_is_free() -> None:
    async with serving(capacity=2) as proxy:
        first, _ = [await proxy.opened() for _ in range(2)]
        with pytest.raises(AtCapacity) as caught:
            await proxy.opened()
        assert caught.value.retry_after is not None
        await first.write(finish())
        await heard(first)
        await proxy.opened()
    assert proxy.registry.get_sample_value("parley_tts_refusals_total") == 1


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (text("x" * 10_001), "text.text"),
        (config(), "config"),
        (pb.SynthesizeRequest(), "request"),
    ],
)
async def test_requests_that_make_no_sense_end_the_stream(request_: pb.SynthesizeRequest, field: str) -> None:
    async with serving() as proxy:
        call = await proxy.opened()
        await call.write(request_)
        with pytest.raises(InvalidRequest) as caught:
            await heard(call)
        assert caught.value.field == field
        assert proxy.engine.open_now == 0


async def test_requests_that_end_without_finish_abandon_the_reply() -> None:
    async with serving() as proxy:
        with capture_logs() as logs:
            call = await proxy.opened()
            await call.write(text("Never mind"))
            await call.done_writing()
            reply = await heard(call)
        assert "finished" not in reply.kinds
        assert await call.code() is grpc.StatusCode.OK
        assert proxy.engine.open_now == 0
    assert [entry for entry in logs if entry["event"] == "reply abandoned" and entry["reply_id"] == "r1"]


async def test_cancelling_frees_the_slot_soon() -> None:
    async with serving() as proxy:
        call = await proxy.opened()
        await call.write(text(A_LOT))
        for _ in range(10):
            await call.read()
        begun = time.perf_counter()
        call.cancel()
        await proxy.engine.all_closed()
        assert time.perf_counter() - begun < 0.1
        spoken = proxy.engine.audio_bytes
        await proxy.reply(config(), finish())
        assert proxy.engine.audio_bytes == spoken


async def test_a_silent_caller_is_taken_for_gone() -> None:
    async with serving(idle_limit_s=0.2) as proxy:
        call = await proxy.opened()
        with pytest.raises(Idle):
            await heard(call)
        assert proxy.engine.open_now == 0


async def test_speech_that_is_not_read_is_not_made() -> None:
    async with serving(stall_limit_s=1.0) as proxy:
        call = await proxy.opened()
        await call.write(text(A_LOT))
        await call.write(finish())
        await proxy.engine.all_closed()
        made_s = proxy.engine.audio_bytes / 2 / SAMPLE_RATE
        # Of ten minutes; gRPC may buffer 4 MiB of them on its way.
        assert 0 < made_s < 120
        with pytest.raises(Idle):
            await heard(call)


async def test_many_speak_at_once() -> None:
    async with serving() as proxy:
        replies = await asyncio.gather(*(proxy.reply(config(), text("All of us!"), finish()) for _ in range(64)))
    assert {reply.text for reply in replies} == {"All of us!"}
    sizes = [sum(map(len, reply.frames)) for reply in replies]
    assert min(sizes) > 0.95 * max(sizes)


@pytest.mark.unmute("B26")
async def test_a_storm_leaves_nothing_behind() -> None:
    chance = random.Random(5)  # noqa: S311 - no secret
    async with serving(capacity=16) as proxy:

        async def visit() -> bool:
            try:
                call = await proxy.opened()
            except AtCapacity:
                return False
            await _misbehave(call, chance)
            return True

        admitted = 0
        for _ in range(20):
            admitted += sum(await asyncio.gather(*(visit() for _ in range(10))))
        await proxy.engine.all_closed()
        assert admitted > 100
        for call in [await proxy.opened() for _ in range(16)]:
            call.cancel()
        await proxy.engine.all_closed()
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*_rpcs())
    assert proxy.registry.get_sample_value("worker_tts_active_sessions") == 0


def _rpcs() -> list[asyncio.Task[object]]:
    """The tasks of calls that the server still has."""
    return [task for task in asyncio.all_tasks() if task.get_name() == "rpc_task"]


async def _misbehave(call: Call, chance: random.Random) -> None:
    """Leave at a random moment, in a random way."""
    try:
        for _ in range(chance.randrange(4)):
            await call.write(text(REPLY))
            for _ in range(chance.randrange(30)):
                await call.read()
        if chance.random() < 0.3:
            await call.done_writing()
    finally:
        call.cancel()


@pytest.mark.parametrize("finishing", [True, False], ids=["when all the text has come", "in the middle of the text"])
async def test_a_reply_that_is_cut_off_is_an_interruption(*, finishing: bool) -> None:
    async with serving() as proxy:
        call = await proxy.opened()
        for _ in range(200):
            await call.write(text(REPLY))
        if finishing:
            await call.write(finish())
        await call.read()
        call.cancel()
        await proxy.engine.all_closed()
        assert proxy.registry.get_sample_value("worker_tts_interrupt_total") == 1
        assert proxy.registry.get_sample_value("worker_tts_active_sessions") == 0


async def test_a_reply_that_fails_or_ends_is_no_interruption() -> None:
    async with serving() as proxy:
        await proxy.reply(config(), text(REPLY), finish())
        with pytest.raises(InvalidRequest):
            await proxy.reply(config(), config())
        await proxy.engine.all_closed()
        assert proxy.registry.get_sample_value("worker_tts_sessions_total") == 2
        assert proxy.registry.get_sample_value("worker_tts_interrupt_total") == 0


async def test_metrics_tell_how_a_reply_went() -> None:
    async with serving() as proxy:
        reply = await proxy.reply(config(), *map(text, REPLY.split()), finish())
        values = {
            name: proxy.registry.get_sample_value(f"worker_tts_{name}")
            for name in (
                "sessions_total",
                "sent_frames_total",
                "recv_frames_total",
                "recv_words_total",
                "ttft_count",
                "gen_duration_count",
                "audio_duration_sum",
                "active_sessions",
            )
        }
    assert values == {
        "sessions_total": 1,
        "sent_frames_total": len(REPLY.split()),
        "recv_frames_total": len(reply.frames),
        "recv_words_total": len(reply.words),
        "ttft_count": 1,
        "gen_duration_count": 1,
        "audio_duration_sum": pytest.approx(seconds(reply.responses[-1].finished.audio_duration)),
        "active_sessions": 0,
    }


async def test_an_engine_without_a_list_has_any_voice() -> None:
    async with serving() as proxy:
        assert await proxy.described() == {"espeak": []}


async def test_an_engine_says_which_voices_it_has() -> None:
    voices = {"hibari": ["en-us-heart", "en-gb-emma"], "espeak": []}
    async with serving(voices=voices) as proxy:
        assert await proxy.described() == voices
