"""What the recognition proxy knows, for Prometheus: under the names Unmute's dashboards use where it has one."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.rpc.streams import StreamMetrics
from stt_proxy.engine import Event, Pause, Recognizer, Word

_SECONDS_OF_SESSION = (1.0, 10.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0)
_WORDS_OF_SESSION = (0, 50, 100, 200, 500, 1000, 2000, 4000)
_SECONDS_TO_HEAR = (0.01, 0.015, 0.025, 0.05, 0.075, 0.1)
_SECONDS_BEHIND = (0.08, 0.16, 0.24, 0.32, 0.5, 0.75, 1.0, 2.0, 4.0)


class Metrics:
    """One process's metrics. Tests give each instance a registry of its own."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.streams = StreamMetrics("stt", "Streams", "being recognised", registry)
        self.sent = Counter("worker_stt_sent_frames", "Messages of audio given to the engine.", registry=registry)
        self.heard = Counter("worker_stt_recv_frames", "Frames of audio heard by the engine.", registry=registry)
        self.words = Counter("worker_stt_recv_words", "Words recognised.", registry=registry)
        self._audio = Histogram(
            "worker_stt_audio_duration", "Seconds of audio of a stream.", buckets=_SECONDS_OF_SESSION, registry=registry
        )
        self._duration = Histogram(
            "worker_stt_session_duration", "Seconds a stream lasted.", buckets=_SECONDS_OF_SESSION, registry=registry
        )
        self.first_heard = Histogram(
            "worker_stt_ttft",
            "Seconds from a stream's first audio until the engine has heard some of it.",
            buckets=_SECONDS_TO_HEAR,
            registry=registry,
        )
        self._words_each = Histogram(
            "worker_stt_num_words", "Words of a stream.", buckets=_WORDS_OF_SESSION, registry=registry
        )
        self.behind = Histogram(
            "parley_stt_waiting_seconds",
            "Seconds of audio that were waiting when a frame had been heard.",
            buckets=_SECONDS_BEHIND,
            registry=registry,
        )
        self._live: set[StreamMeter] = set()
        backlog = Gauge(
            "parley_stt_backlog_seconds", "Seconds of audio not yet heard, of the slowest stream.", registry=registry
        )
        backlog.set_function(self._longest_backlog)

    @contextmanager
    def stream(self, recognizer: Recognizer) -> Iterator["StreamMeter"]:
        """Measure one stream while the block runs."""
        meter = StreamMeter(self, recognizer)
        self._live.add(meter)
        with self.streams.live():
            try:
                yield meter
            finally:
                self._live.remove(meter)
                self._observe(meter)

    def _observe(self, meter: "StreamMeter") -> None:
        self._audio.observe(meter.audio_s)
        self._duration.observe(meter.duration_s)
        self._words_each.observe(meter.words)

    def _longest_backlog(self) -> float:
        # Prometheus asks from a thread of its own, while streams come and go: hence the copy.
        return max((meter.backlog_s for meter in tuple(self._live)), default=0.0)


class StreamMeter:
    """How one stream goes."""

    def __init__(self, metrics: Metrics, recognizer: Recognizer) -> None:
        self._metrics = metrics
        self._recognizer = recognizer
        self._began = time.monotonic()
        self._first_audio: float | None = None
        self._heard_any = False
        self.samples = 0
        self.words = 0

    @property
    def audio_s(self) -> float:
        """The length of the audio so far."""
        return self.samples / SAMPLE_RATE

    @property
    def duration_s(self) -> float:
        """How long the stream has lasted."""
        return time.monotonic() - self._began

    @property
    def backlog_s(self) -> float:
        """Seconds of audio not yet heard."""
        return self._recognizer.backlog_s

    def audio(self, pcm: bytes) -> None:
        """A message of audio has come."""
        self._metrics.sent.inc()
        if self._first_audio is None:
            self._first_audio = time.monotonic()
        self.samples += len(pcm) // SAMPLE_BYTES

    def event(self, event: Event) -> None:
        """The engine has heard something."""
        if not self._heard_any and self._first_audio is not None:
            self._heard_any = True
            self._metrics.first_heard.observe(time.monotonic() - self._first_audio)
        match event:
            case Pause():
                self._metrics.heard.inc()
                self._metrics.behind.observe(self.backlog_s)
            case Word():
                self._metrics.words.inc()
                self.words += 1
