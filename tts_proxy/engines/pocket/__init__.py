"""Kyutai's Pocket TTS, which runs on a CPU: seven languages, and a voice out of any recording."""
