"""Kyutai's recogniser, a `moshi-server` elsewhere.

messages ─▶ stream_state (with silences and words) ─▶ events     without I/O
connection ↔ recognizer ↔ the proxy's stream
"""
