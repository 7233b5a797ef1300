"""Recognition by Wyoming servers, such as Home Assistant's Whisper: one connection transcribes one window."""
