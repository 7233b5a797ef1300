"""Kyutai's voice, a `moshi-server` elsewhere: one connection speaks one reply."""
