"""What a recording is exported to: `transcript` (a text to read), `unmute` (the events of Unmute's dialect)."""
