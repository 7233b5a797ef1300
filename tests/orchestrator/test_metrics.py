"""What Prometheus is told of a conversation."""

import asyncio
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry

from orchestrator.metrics import Metrics
from tests.fakes.llm import written
from tests.orchestrator.caller import SILENCE, SPEECH, TYPED, Caller
from tests.orchestrator.harness import Harness


def value(harness: Harness, name: str) -> float | None:
    return harness.registry.get_sample_value(name)


async def speak(harness: Harness, caller: Caller, word: str | None) -> None:
    """Say something of one word, or of none; and pause."""
    await caller.play(SPEECH, SPEECH)
    await caller.until("user_speech_started")
    if word:
        (await harness.stt.hearing()).word(word)
        await caller.until("user_word_recognized")
    await caller.play(SILENCE)


async def test_a_reply_is_counted_and_timed(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        assert value(harness, "parley_conversations_active") == 1
        await caller.say("Hi there!")
        await caller.until("reply_finished")
        assert value(harness, "worker_vllm_sessions_total") == 1
        assert value(harness, "worker_vllm_sent_words_total") == 2
        assert value(harness, "worker_vllm_recv_words_total") == 3
        assert value(harness, "worker_vllm_request_length_sum") == 2
        assert value(harness, "worker_vllm_reply_length_sum") == 3
        assert value(harness, "worker_vllm_ttft_count") == 1
        assert value(harness, "worker_vllm_gen_duration_count") == 1
        assert value(harness, "worker_vllm_active_sessions") == 0
        assert value(harness, "worker_vllm_interrupt_total") == 0
    await harness.no_call_left()
    assert value(harness, "parley_conversations_active") == 0
    assert value(harness, "parley_conversations_total") == 1


async def test_interruptions_and_failures_are_counted(harness: Harness) -> None:
    async def thinking(_request: object) -> AsyncIterator[str | bytes]:
        await asyncio.Event().wait()
        yield ""

    harness.llm.script = thinking
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await harness.llm.request()
        await caller.say("No, wait.")
        await harness.llm.request(1)
        assert value(harness, "worker_vllm_active_sessions") == 1
        assert value(harness, "worker_vllm_interrupt_total") == 1
        assert harness.registry.get_sample_value("parley_replies_cancelled_total", {"cause": "typed"}) == 1
        assert value(harness, "worker_vllm_ttft_count") == 0
        harness.llm.status = 400
        await caller.say("Well?")
        await caller.until("warning")
        assert value(harness, "worker_vllm_hard_errors_total") == 1
        assert value(harness, "worker_vllm_interrupt_total") == 2


async def test_an_apology_asks_no_model(harness: Harness) -> None:
    harness.llm.status = 400
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    assert value(harness, "worker_vllm_sessions_total") == 1


async def test_voice_to_voice_is_from_the_pause_to_the_first_audio(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        assert value(harness, "parley_voice_to_voice_seconds_count") == 0
        await speak(harness, caller, "Hello")
        await caller.until("reply_finished")
        assert value(harness, "parley_voice_to_voice_seconds_count") == 1
        assert 0 < (value(harness, "parley_voice_to_voice_seconds_sum") or 0) < 2


async def test_a_false_alarm_is_no_turn(harness: Harness) -> None:
    """Neither the reply it held, nor one that was typed after it, is timed from it."""
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        harness.llm.script = written(*(f"word{number} " for number in range(6)))
        await caller.say("Tell me a story.")
        await caller.until("reply_word_spoken")
        await speak(harness, caller, None)
        await caller.until("reply_resumed")
        await caller.until("reply_finished")
        await speak(harness, caller, None)
        await caller.until("user_turn_discarded")
        await caller.say("Another one!")
        await caller.until("reply_finished")
        assert value(harness, "parley_voice_to_voice_seconds_count") == 0


async def test_searches_are_timed(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    for service in ("stt", "tts"):
        assert value(harness, f"worker_{service}_find_time_count") == 1
        assert 0 < (value(harness, f"worker_{service}_find_time_sum") or 0) < 1.5
        assert value(harness, f"worker_{service}_ping_time_count") == 0
        assert value(harness, f"worker_{service}_misses_total") == 0


async def test_refusals_are_timed_and_searches_without_a_find_are_misses(harness: Harness) -> None:
    harness.tts.slots.capacity = 0
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await harness.tts.slots.until(lambda: harness.tts.slots.refused > 3)
        harness.tts.slots.capacity = None
        await caller.until("reply_finished")
    refused = harness.tts.slots.refused
    assert value(harness, "worker_tts_ping_time_count") == refused
    assert value(harness, "worker_tts_misses_total") == refused
    assert value(harness, "worker_service_misses_total") == refused
    assert value(harness, "worker_hard_tts_misses_total") == 0
    assert value(harness, "worker_tts_find_time_count") == 1


async def test_replicas_that_fail_are_hard_misses(harness: Harness) -> None:
    harness.tts.admits = False
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.until("warning")
        # The client is told after the second search, the long one; each has tried the one replica.
        assert value(harness, "worker_hard_tts_misses_total") == 2
        assert value(harness, "worker_hard_service_misses_total") == 2
        assert value(harness, "worker_tts_misses_total") == 2
        assert value(harness, "worker_stt_misses_total") == 0


def test_the_buckets_are_those_of_unmutes_dashboards() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    for name in ("stt_find_time", "stt_ping_time", "tts_find_time", "tts_ping_time"):
        (family,) = [each for each in registry.collect() if each.name == f"worker_{name}"]
        bounds = [sample.labels["le"] for sample in family.samples if "le" in sample.labels]
        assert bounds == ["0.001", "0.005", "0.01", "0.025", "0.05", "0.1", "0.2", "+Inf"]


async def test_a_word_that_waited_for_a_synthesis_is_seen(harness: Harness) -> None:
    harness.tts.slots.capacity = 0
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await harness.tts.slots.until(lambda: harness.tts.slots.refused > 2)
        harness.tts.slots.capacity = None
        await caller.until("reply_finished")
    assert value(harness, "parley_first_word_wait_seconds_count") == 1
    assert (value(harness, "parley_first_word_wait_seconds_sum") or 0) > 0.01
