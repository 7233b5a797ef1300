"""Unmute's metrics, line by line: what each is, which process has it here, and what it must have counted after a day.

Its dashboards and alerts are written for these names, kinds and buckets. Names are as exposed: counters end in
`_total`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["counter", "gauge", "histogram", "summary"]

_SESSION_S = (1, 10, 30, 60, 120, 240, 480, 960, 1920)
_PING_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2)
_WRITING_S = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20)


class Row(NamedTuple):
    """One metric. `buckets` are the upper bounds of a histogram, but for the last, which has none."""

    process: str
    name: str
    kind: Kind
    buckets: tuple[float, ...] = ()


ROWS = (
    # sessions
    Row("edge", "worker_sessions_total", "counter"),
    Row("orchestrator", "worker_service_misses_total", "counter"),
    Row("orchestrator", "worker_hard_service_misses_total", "counter"),
    Row("edge", "worker_force_disconnects_total", "counter"),
    Row("edge", "worker_fatal_service_misses_total", "counter"),
    Row("edge", "worker_hard_errors_total", "counter"),
    Row("edge", "worker_active_sessions", "gauge"),
    Row("edge", "worker_session_duration", "histogram", _SESSION_S),
    Row("edge", "worker_health_ok", "summary"),
    # speech to text: the search is the orchestrator's, the stream the proxy's
    Row("stt-proxy", "worker_stt_sessions_total", "counter"),
    Row("orchestrator", "worker_stt_misses_total", "counter"),
    Row("orchestrator", "worker_stt_hard_misses_total", "counter"),
    Row("stt-proxy", "worker_stt_sent_frames_total", "counter"),
    Row("stt-proxy", "worker_stt_recv_frames_total", "counter"),
    Row("stt-proxy", "worker_stt_recv_words_total", "counter"),
    Row("stt-proxy", "worker_stt_active_sessions", "gauge"),
    Row("orchestrator", "worker_stt_ping_time", "histogram", _PING_S),
    Row("orchestrator", "worker_stt_find_time", "histogram", _PING_S),
    Row("stt-proxy", "worker_stt_session_duration", "histogram", _SESSION_S),
    Row("stt-proxy", "worker_stt_audio_duration", "histogram", _SESSION_S),
    Row("stt-proxy", "worker_stt_num_words", "histogram", (0, 50, 100, 200, 500, 1000, 2000, 4000)),
    Row("stt-proxy", "worker_stt_ttft", "histogram", (0.01, 0.015, 0.025, 0.05, 0.075, 0.1)),
    # text to speech; the name of its hard misses is Unmute's own
    Row("tts-proxy", "worker_tts_sessions_total", "counter"),
    Row("orchestrator", "worker_tts_misses_total", "counter"),
    Row("orchestrator", "worker_hard_tts_misses_total", "counter"),
    Row("tts-proxy", "worker_tts_interrupt_total", "counter"),
    Row("tts-proxy", "worker_tts_sent_frames_total", "counter"),
    Row("tts-proxy", "worker_tts_recv_frames_total", "counter"),
    Row("tts-proxy", "worker_tts_recv_words_total", "counter"),
    Row("tts-proxy", "worker_tts_active_sessions", "gauge"),
    Row("orchestrator", "worker_tts_ping_time", "histogram", _PING_S),
    Row("orchestrator", "worker_tts_find_time", "histogram", _PING_S),
    Row("tts-proxy", "worker_tts_ttft", "histogram", (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)),
    Row("tts-proxy", "worker_tts_audio_duration", "histogram", (0.5, 1, 5, 10, 20, 40, 60)),
    Row("tts-proxy", "worker_tts_gen_duration", "histogram", _WRITING_S),
    # the language model
    Row("orchestrator", "worker_vllm_gen_duration", "histogram", _WRITING_S),
    Row("orchestrator", "worker_vllm_sessions_total", "counter"),
    Row("orchestrator", "worker_vllm_interrupt_total", "counter"),
    Row("orchestrator", "worker_vllm_hard_errors_total", "counter"),
    Row("orchestrator", "worker_vllm_sent_words_total", "counter"),
    Row("orchestrator", "worker_vllm_recv_words_total", "counter"),
    Row("orchestrator", "worker_vllm_active_sessions", "gauge"),
    Row("orchestrator", "worker_vllm_ttft", "histogram", (0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1)),
    Row("orchestrator", "worker_vllm_request_length", "histogram", (50, 100, 200, 500, 1000, 2000, 4000, 6000, 8000)),
    Row("orchestrator", "worker_vllm_reply_length", "histogram", (5, 10, 25, 50, 100, 200)),
    # voices
    Row("voice-service", "worker_voice_donation_submissions_total", "counter"),
    # HTTP requests, as FastAPI's instrumentator has them
    Row("edge", "http_requests_total", "counter"),
    Row("edge", "http_request_size_bytes", "summary"),
    Row("edge", "http_response_size_bytes", "summary"),
    Row(
        "edge",
        "http_request_duration_highr_seconds",
        "histogram",
        (0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60),
    ),
    Row("edge", "http_request_duration_seconds", "histogram", (0.1, 0.5, 1)),
)

LABELS: Mapping[str, tuple[str, ...]] = {
    "http_requests_total": ("handler", "method", "status"),
    "http_request_size_bytes": ("handler",),
    "http_response_size_bytes": ("handler",),
    "http_request_duration_seconds": ("handler", "method"),
}
"""Of those that have any."""
