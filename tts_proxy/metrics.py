"""What the synthesis proxy knows, for Prometheus, under the names Unmute's dashboards use."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.errors import MeshError
from mesh.rpc.streams import StreamMetrics

_SECONDS_TO_FIRST_AUDIO = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)
_FINE_SECONDS_TO_FIRST_AUDIO = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 1.0, 2.0, 5.0)
_SECONDS_OF_AUDIO = (0.5, 1.0, 5.0, 10.0, 20.0, 40.0, 60.0)
_SECONDS_TO_SPEAK = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)


class Metrics:
    """One process's metrics. Tests give each instance a registry of its own."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self.streams = StreamMetrics("tts", "Replies", "being spoken", registry)
        self._interrupts = Counter(
            "worker_tts_interrupt", "Replies whose speech was cut off while it was made.", registry=registry
        )
        self._texts = Counter("worker_tts_sent_frames", "Pieces of text given to the engine.", registry=registry)
        self._frames = Counter("worker_tts_recv_frames", "Frames of audio spoken.", registry=registry)
        self._words = Counter("worker_tts_recv_words", "Words spoken.", registry=registry)
        self._first_audio = Histogram(
            "worker_tts_ttft",
            "Seconds from the first text of a reply to its first audio.",
            buckets=_SECONDS_TO_FIRST_AUDIO,
            registry=registry,
        )
        self._fine_first_audio = Histogram(
            "parley_tts_first_audio_seconds",
            "The same as worker_tts_ttft, in buckets that also fit an engine which is fast.",
            buckets=_FINE_SECONDS_TO_FIRST_AUDIO,
            registry=registry,
        )
        self._audio = Histogram(
            "worker_tts_audio_duration", "Seconds of audio of a reply.", buckets=_SECONDS_OF_AUDIO, registry=registry
        )
        self._speaking = Histogram(
            "worker_tts_gen_duration",
            "Seconds from the first text of a reply to its last audio.",
            buckets=_SECONDS_TO_SPEAK,
            registry=registry,
        )

    @contextmanager
    def reply(self) -> Iterator["ReplyMeter"]:
        """Measure one reply while the block runs. One that neither finishes nor fails has been interrupted."""
        meter = ReplyMeter()
        with self.streams.live():
            try:
                yield meter
            except MeshError:
                meter.over = True
                raise
            finally:
                self._observe(meter)

    def _observe(self, meter: "ReplyMeter") -> None:
        if not meter.over:
            self._interrupts.inc()
        self._texts.inc(meter.texts)
        self._frames.inc(meter.frames)
        self._words.inc(meter.words)
        self._audio.observe(meter.audio_s)
        if meter.first_audio_s is not None:
            self._first_audio.observe(meter.first_audio_s)
            self._fine_first_audio.observe(meter.first_audio_s)
            self._speaking.observe(meter.last_audio_s)


class ReplyMeter:
    """How one reply goes. Times are seconds from its first text."""

    def __init__(self) -> None:
        self.texts = 0
        self.words = 0
        self.frames = 0
        self.samples = 0
        self.over = False
        """Whether there is nothing left to speak."""
        self.first_audio_s: float | None = None
        self.last_audio_s = 0.0
        self._first_text = 0.0

    @property
    def audio_s(self) -> float:
        """The length of the audio so far."""
        return self.samples / SAMPLE_RATE

    def text(self) -> None:
        """A piece of text has come."""
        if not self.texts:
            self._first_text = time.monotonic()
        self.texts += 1

    def word(self) -> None:
        """A word is spoken."""
        self.words += 1

    def finished(self) -> None:
        """All of it has been spoken."""
        self.over = True

    def frame(self, pcm: bytes) -> None:
        """A frame of audio is ready."""
        self.frames += 1
        self.samples += len(pcm) // SAMPLE_BYTES
        self.last_audio_s = time.monotonic() - self._first_text
        if self.first_audio_s is None:
            self.first_audio_s = self.last_audio_s
