"""What recognition decides, without I/O, engine or clock: positions are samples since the stream's first one.

chunks' speech probabilities ─▶ pauses ─▶ utterances ─▶ (a decoder) ─▶ words
                                          levels ─────▶ (its gain)
"""

SAMPLE_RATE = 16_000
"""Samples per second of everything here: what the detector and the decoder were trained on."""

FRAME = 1_280
"""Samples in a frame, 80 ms: how often a pause is scored."""

CHUNK = 512
"""Samples in the chunks that the detector judges: 32 ms."""
