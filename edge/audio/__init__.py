"""Ogg and Opus at the edge, and how much audio a client may send."""
