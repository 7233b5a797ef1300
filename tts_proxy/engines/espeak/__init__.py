"""The embedded engine: eSpeak NG, which needs no model, no GPU and less than 1 ms of CPU for a second of speech."""
