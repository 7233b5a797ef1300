"""Knows the voices that a conversation may use."""
