"""The rules of the Transcribe RPC over real sockets, in front of a scripted engine."""

import asyncio

import pytest

from mesh.audio import FRAME_BYTES
from mesh.errors import (
    AtCapacity,
    BadAudio,
    BadAudioFormat,
    ConfigRequired,
    Idle,
    InternalError,
    InvalidRequest,
    MeshError,
    UpstreamDown,
)
from mesh.times import seconds
from parley.audio.v1 import audio_pb2
from parley.stt.v1 import stt_pb2 as pb
from stt_proxy.engine import Partial, Word
from tests.stt_proxy.proxy import ScriptedEngine, audio, config, finish, flush, kinds, next_of, serving, told


async def test_events_come_in_order_with_offsets_from_the_session() -> None:
    engine = ScriptedEngine(script=[Partial("hell", 0.25), Word("hello", 0.25, 0.5), Partial("", 0.5)])
    async with serving(engine) as proxy:
        responses = await proxy.told(config(base_s=100.0), audio(), flush(7), finish())
    started, partial, word, withdrawn, pause, flushed = responses
    assert started.started.format == audio_pb2.AudioFormat(
        encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=24_000
    )
    assert (partial.partial.text, seconds(partial.partial.start_offset)) == ("hell", 100.25)
    assert word.word.text == "hello"
    assert (seconds(word.word.start_offset), seconds(word.word.end_offset)) == (100.25, 100.5)
    assert withdrawn.partial == pb.PartialTranscript(text="", start_offset=withdrawn.partial.start_offset)
    assert (pause.pause.pause_probability, seconds(pause.pause.offset)) == (0.5, 100.08)
    assert flushed.flushed.flush_id == 7
    assert engine.opened[0].pcm == bytes(FRAME_BYTES)


@pytest.mark.parametrize(("expletives", "shown"), [("masked", "f***"), ("verbatim", "fuck")])
async def test_expletives_are_masked_unless_they_are_asked_for(expletives: str, shown: str) -> None:
    engine = ScriptedEngine(script=[Partial("what the fuck", 0.25), Word("Fuck!", 0.25, 0.5)])
    async with serving(engine, expletives=expletives) as proxy:
        _, partial, word, *_ = await proxy.told(config(), audio(), finish())
    assert partial.partial.text == f"what the {shown}"
    assert word.word.text == f"{shown.capitalize()}!"


@pytest.mark.parametrize(("limit_s", "told_s"), [(1.0, None), (2.5, 2.5)])
async def test_an_engine_that_takes_longer_for_a_flush_says_so(limit_s: float, told_s: float | None) -> None:
    async with serving(ScriptedEngine(flush_limit_s=limit_s)) as proxy:
        started = (await proxy.told(config(), finish()))[0].started
    assert (seconds(started.flush_limit) if started.HasField("flush_limit") else None) == told_s


async def test_the_engine_is_told_the_language() -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        await proxy.told(config(language="en-GB"), finish())
    assert engine.opened[0].language == "en-GB"


async def test_the_callers_own_flush_ids_come_back_whatever_they_are() -> None:
    async with serving(ScriptedEngine()) as proxy:
        ids = [-(2**63), 0, 3, 3, 2**63 - 1]
        responses = await proxy.told(config(), *map(flush, ids), finish())
    assert [response.flushed.flush_id for response in responses[1:]] == ids


async def test_a_stream_that_is_finished_ends_well() -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        call = await proxy.opened()
        await call.write(finish())
        assert await told(call) == []
        await engine.all_closed()


@pytest.mark.parametrize("how", ["half-close", "cancel"])
async def test_a_stream_without_finish_is_abandoned(how: str) -> None:
    engine = ScriptedEngine(capacity=1)
    async with serving(engine) as proxy:
        call = await proxy.opened()
        await call.write(audio())
        await next_of(call)
        if how == "cancel":
            call.cancel()
        else:
            await call.done_writing()
            assert await told(call) == []
        await engine.all_closed()
        await proxy.opened()


async def test_one_too_many_is_refused_before_anything_else() -> None:
    engine = ScriptedEngine(capacity=1)
    async with serving(engine) as proxy:
        first = await proxy.opened()
        refused = proxy.call()
        await refused.write(config())
        with pytest.raises(AtCapacity) as caught:
            await told(refused)
        assert caught.value.retry_after == 2.0
        assert not await refused.initial_metadata()
        await first.write(finish())
        await told(first)
        await proxy.opened()
        assert proxy.metric("parley_stt_refusals_total") == 1


@pytest.mark.parametrize(
    "wanted",
    [
        audio_pb2.AudioFormat(sample_rate_hertz=16_000),
        audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_MULAW),
        audio_pb2.AudioFormat(encoding=audio_pb2.AUDIO_ENCODING_LINEAR16, sample_rate_hertz=48_000),
    ],
)
async def test_other_formats_are_refused_and_take_no_slot(wanted: audio_pb2.AudioFormat) -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        with pytest.raises(BadAudioFormat) as caught:
            await proxy.told(config(audio_format=wanted))
    assert caught.value.field == "config.format"
    assert engine.opened == []


async def test_the_config_comes_first() -> None:
    async with serving(ScriptedEngine()) as proxy:
        with pytest.raises(ConfigRequired):
            await proxy.told(audio())


@pytest.mark.parametrize(
    ("request_", "error", "field"),
    [
        pytest.param(config(), InvalidRequest, "config", id="config again"),
        pytest.param(pb.TranscribeRequest(), InvalidRequest, "request", id="nothing"),
        pytest.param(audio(bytes(480_002)), InvalidRequest, "audio.audio", id="more than 10 s"),
        pytest.param(audio(bytes(3)), BadAudio, "audio.audio", id="half a sample"),
    ],
)
async def test_requests_that_make_no_sense_end_the_stream(
    request_: pb.TranscribeRequest, error: type[MeshError], field: str
) -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        call = await proxy.opened()
        await call.write(request_)
        with pytest.raises(error) as caught:
            await told(call)
        assert caught.value.field == field
        await engine.all_closed()


async def test_ten_seconds_are_taken_at_once() -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        await proxy.told(config(), audio(bytes(480_000)), finish())
    assert len(engine.opened[0].pcm) == 480_000


async def test_a_silent_caller_is_sent_away() -> None:
    engine = ScriptedEngine()
    async with serving(engine, idle_limit_s=0.1) as proxy:
        call = await proxy.opened()
        with pytest.raises(Idle):
            await told(call)
        await engine.all_closed()


async def test_a_caller_that_reads_nothing_is_sent_away() -> None:
    engine = ScriptedEngine(script=[Partial("x" * 60_000, 0.0)] * 100)
    async with serving(engine, stall_limit_s=0.2) as proxy:
        call = await proxy.opened()
        await call.write(audio())
        await engine.all_closed()
        with pytest.raises(Idle):
            await told(call)


@pytest.mark.parametrize(
    ("failure", "error"),
    [(UpstreamDown("the recogniser was lost"), UpstreamDown), (ValueError("secret"), InternalError)],
)
async def test_a_lost_recogniser_ends_its_stream_only(failure: Exception, error: type[MeshError]) -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        other = await proxy.opened()
        engine.script = [failure]
        with pytest.raises(error) as caught:
            await proxy.told(config(), audio(), finish())
        assert "secret" not in caught.value.message
        assert engine.open_now == 1
        await other.write(audio())
        await other.write(finish())
        assert kinds(await told(other)) == ["pause"]


@pytest.mark.unmute("B26")
async def test_a_storm_leaves_no_slot_taken() -> None:
    engine = ScriptedEngine(capacity=20)
    async with serving(engine) as proxy:

        async def passer_by(number: int) -> None:
            call = proxy.call()
            if number % 5:
                await call.write(config())
                if number % 3:
                    await call.read()
                    await call.write(audio())
            await asyncio.sleep(0.001 * (number % 11))
            call.cancel()

        await asyncio.gather(*(passer_by(number) for number in range(100)), return_exceptions=True)
        await engine.all_closed()
        calls = [await proxy.opened() for _ in range(20)]
        with pytest.raises(AtCapacity):
            await proxy.opened()
        assert proxy.metric("worker_stt_active_sessions") == len(calls)


async def test_what_is_measured() -> None:
    engine = ScriptedEngine(script=[Word("hello", 0.0, 0.5), Word("there", 0.5, 1.0)])
    async with serving(engine) as proxy:
        await proxy.told(config(), audio(), audio(bytes(2 * FRAME_BYTES)), flush(1), finish())
        await engine.all_closed()
        measured = {
            "worker_stt_sessions_total": 1,
            "worker_stt_active_sessions": 0,
            "worker_stt_sent_frames_total": 2,
            "worker_stt_recv_frames_total": 2,
            "worker_stt_recv_words_total": 2,
            "worker_stt_num_words_sum": 2,
            "worker_stt_audio_duration_sum": pytest.approx(0.24),
            "worker_stt_session_duration_count": 1,
            "parley_stt_refusals_total": 0,
            "parley_stt_failed_starts_total": 0,
            "parley_stt_waiting_seconds_count": 2,
            "parley_stt_backlog_seconds": 0,
        }
        assert {name: proxy.metric(name) for name in measured} == measured


async def test_the_backlog_is_that_of_the_slowest_stream() -> None:
    engine = ScriptedEngine()
    async with serving(engine) as proxy:
        quick, slow = await proxy.opened(), await proxy.opened()
        await quick.write(audio())
        assert kinds([await next_of(quick)]) == ["pause"]
        await engine.opened[1].send(bytes(5 * FRAME_BYTES))
        engine.opened[1]._heard_s = 0.08
        assert proxy.metric("parley_stt_backlog_seconds") == pytest.approx(0.32)
        slow.cancel()
