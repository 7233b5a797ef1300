"""What the process says by its exit code. Both sides read it; neither has to load the other's libraries for it."""

UNUSABLE = 3
"""Nothing can be learned from the recording."""
EXTRA_MISSING = 4
"""An extra could decode it."""
