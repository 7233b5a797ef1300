"""Finds a replica that takes a call."""
