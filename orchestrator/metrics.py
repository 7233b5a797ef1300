"""What the orchestrator knows, for Prometheus, under the names Unmute's dashboards use."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from orchestrator.conversation.transcript import Message

_SECONDS_TO_FIRST_TOKEN = (0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
_SECONDS_TO_WRITE = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_REQUEST_WORDS = (50, 100, 200, 500, 1000, 2000, 4000, 6000, 8000)
_REPLY_WORDS = (5, 10, 25, 50, 100, 200)
_SECONDS_TO_VOICE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)


class Metrics:
    """One process's metrics. Tests give each instance a registry of its own."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.conversations = Gauge("parley_conversations_active", "Conversations that are running.", registry=registry)
        self.voice_to_voice = Histogram(
            "parley_voice_to_voice_seconds",
            "From the pause that ended the person's turn to the first audio of the reply.",
            buckets=_SECONDS_TO_VOICE,
            registry=registry,
        )
        self._llm_active = Gauge("worker_vllm_active_sessions", "Replies being written.", registry=registry)
        self._llm_sessions = Counter("worker_vllm_sessions", "Replies asked for.", registry=registry)
        self.llm_interrupts = Counter("worker_vllm_interrupt", "Replies cut short while written.", registry=registry)
        self.llm_failures = Counter("worker_vllm_hard_errors", "Replies the model failed at.", registry=registry)
        self._sent_words = Counter("worker_vllm_sent_words", "Words shown to the model.", registry=registry)
        self._received_words = Counter("worker_vllm_recv_words", "Words the model wrote.", registry=registry)
        self._first_token = Histogram(
            "worker_vllm_ttft",
            "Seconds to the first word.",
            buckets=_SECONDS_TO_FIRST_TOKEN,
            registry=registry,
        )
        self._writing = Histogram(
            "worker_vllm_gen_duration", "Seconds to the last word.", buckets=_SECONDS_TO_WRITE, registry=registry
        )
        self._request_length = Histogram(
            "worker_vllm_request_length", "Words of a request.", buckets=_REQUEST_WORDS, registry=registry
        )
        self._reply_length = Histogram(
            "worker_vllm_reply_length", "Words of a reply.", buckets=_REPLY_WORDS, registry=registry
        )

    @contextmanager
    def llm_request(self, messages: list[Message]) -> "Iterator[RequestTiming]":
        """Measure one request to the model while the block runs; a block that is cut off counts as an interrupt."""
        asked = sum(len(message.text.split()) for message in messages)
        self._llm_sessions.inc()
        self._request_length.observe(asked)
        self._sent_words.inc(asked)
        timing = RequestTiming()
        with self._llm_active.track_inprogress():
            try:
                yield timing
            except (asyncio.CancelledError, GeneratorExit):
                self.llm_interrupts.inc()
                raise
            finally:
                self._observe(timing)

    def _observe(self, timing: "RequestTiming") -> None:
        self._received_words.inc(timing.words)
        self._reply_length.observe(timing.words)
        self._writing.observe(time.monotonic() - timing.started)
        if timing.first_word is not None:
            self._first_token.observe(timing.first_word - timing.started)


class RequestTiming:
    """How one request to the model goes."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.first_word: float | None = None
        self.words = 0

    def word(self) -> None:
        """A word has come."""
        self.words += 1
        if self.first_word is None:
            self.first_word = time.monotonic()
