"""Recognition by servers with OpenAI's audio API: one request transcribes one window."""
