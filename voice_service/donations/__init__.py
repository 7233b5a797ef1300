"""Takes voices that people give away, with the proof that they have agreed."""
