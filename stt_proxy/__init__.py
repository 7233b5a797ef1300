"""Turns speech into words: the proxy in front of recognition engines."""
