"""Kyutai's recogniser, a `moshi-server` elsewhere.

messages ─▶ hearing (with its timeline and words) ─▶ events     without I/O
connection ↔ recognizer ↔ the proxy's stream
"""
