"""The voices that need nothing but this machine: hibari's, and eSpeak's for what hibari does not have."""
