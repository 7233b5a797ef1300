"""Callers for a running mesh: what they say, how they reach it, and what they hear."""
