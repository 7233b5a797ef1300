"""Streaming synthesis in front of an engine: one stream speaks one reply."""
