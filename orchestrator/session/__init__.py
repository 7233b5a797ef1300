"""The shell around the core: one Converse stream, its recognition and its replies."""
