"""The stand-in for a recogniser."""
