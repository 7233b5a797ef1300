"""What the orchestrator knows, for Prometheus, under the names Unmute's dashboards use."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from mesh.discovery.search import SearchMeter
from orchestrator.conversation.actions import CancelCause
from orchestrator.conversation.transcript import Message

_SECONDS_TO_FIRST_TOKEN = (0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1.0)
_SECONDS_TO_WRITE = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
_REQUEST_WORDS = (50, 100, 200, 500, 1000, 2000, 4000, 6000, 8000)
_REPLY_WORDS = (5, 10, 25, 50, 100, 200)
_SECONDS_TO_FIND = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2)
_SECONDS_TO_WAIT = (0.0, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SECONDS_TO_VOICE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0)


class Metrics:
    """One process's metrics. Tests give each instance a registry of its own."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._conversations = Counter("parley_conversations", "Conversations that have begun.", registry=registry)
        self._running = Gauge("parley_conversations_active", "Conversations that are running.", registry=registry)
        self._cancelled = Counter(
            "parley_replies_cancelled", "Replies that ended early, and why.", ("cause",), registry=registry
        )
        for cause in CancelCause:
            self._cancelled.labels(cause.value)  # each is there from the start, so that its first is an increase
        self._dependencies = Gauge(
            "parley_dependency_up",
            "Whether what conversations depend on was up when asked last: stt, tts, llm.",
            ("dependency",),
            registry=registry,
        )
        self.checkpoints = Counter(
            "parley_checkpoints", "Checkpoints sent, from which conversations can go on elsewhere.", registry=registry
        )
        self.voice_to_voice = Histogram(
            "parley_voice_to_voice_seconds",
            "From the pause that ended the person's turn to the first audio of the reply.",
            buckets=_SECONDS_TO_VOICE,
            registry=registry,
        )
        self.first_word_wait = Histogram(
            "parley_first_word_wait_seconds",
            "How long the first word of a reply waited for a synthesis; 0: it was ready before.",
            buckets=_SECONDS_TO_WAIT,
            registry=registry,
        )
        self.speculative_replies = Counter(
            "parley_speculative_replies",
            "Replies that were prepared before the person's turn was over.",
            registry=registry,
        )
        self.speculative_replies_dropped = Counter(
            "parley_speculative_replies_dropped",
            "Those of them that were dropped because the person said more, or because they failed.",
            registry=registry,
        )
        self.speculative_words_dropped = Counter(
            "parley_speculative_words_dropped",
            "Words that the model was shown and wrote for speculative replies that were dropped.",
            registry=registry,
        )
        searches = _SearchCounters(registry)
        self.stt_search = ServiceSearches("stt", "worker_stt_hard_misses", searches, registry)
        self.tts_search = ServiceSearches("tts", "worker_hard_tts_misses", searches, registry)
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
    def conversation(self) -> Iterator[None]:
        """Count one conversation while it lasts."""
        self._conversations.inc()
        with self._running.track_inprogress():
            yield

    def reply_cancelled(self, cause: CancelCause) -> None:
        """Count a reply that has ended early."""
        self._cancelled.labels(cause.value).inc()

    def dependency_asked(self, name: str, *, is_up: bool) -> None:
        """Note whether a dependency was up."""
        self._dependencies.labels(name).set(is_up)

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


class _SearchCounters:
    """What is counted of the searches for all services together."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.misses = Counter("worker_service_misses", "Searches for a service that found none.", registry=registry)
        self.hard_misses = Counter(
            "worker_hard_service_misses", "Replicas that failed when they were tried.", registry=registry
        )


class ServiceSearches(SearchMeter):
    """Measures the searches for one service.

    `hard_misses` is Unmute's name for that counter, which follows a different pattern for every service.
    """

    def __init__(
        self, service: str, hard_misses: str, all_services: _SearchCounters, registry: CollectorRegistry
    ) -> None:
        self._all = all_services
        self._find_time = Histogram(
            f"worker_{service}_find_time",
            "Seconds in which a replica was found.",
            buckets=_SECONDS_TO_FIND,
            registry=registry,
        )
        self._ping_time = Histogram(
            f"worker_{service}_ping_time",
            "Seconds in which a replica said that it is full.",
            buckets=_SECONDS_TO_FIND,
            registry=registry,
        )
        self._misses = Counter(f"worker_{service}_misses", "Searches that found none.", registry=registry)
        self._hard_misses = Counter(hard_misses, "Replicas that failed when they were tried.", registry=registry)

    def found(self, seconds: float) -> None:
        """A replica has admitted the call, `seconds` after the search began."""
        self._find_time.observe(seconds)

    def refused(self, seconds: float) -> None:
        """A replica was full; it answered after `seconds`."""
        self._ping_time.observe(seconds)

    def failed(self) -> None:
        """A replica could not be reached, or did not answer in time."""
        self._hard_misses.inc()
        self._all.hard_misses.inc()

    def missed(self) -> None:
        """A search found no replica."""
        self._misses.inc()
        self._all.misses.inc()


class RequestTiming:
    """The timing of one request to the model."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.first_word: float | None = None
        self.words = 0

    def word(self) -> None:
        """Count a word that the model has written."""
        self.words += 1
        if self.first_word is None:
            self.first_word = time.monotonic()
