"""The stand-in for a synthesis."""
