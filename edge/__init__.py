"""The public face: WebSocket dialects, REST and Ogg Opus. It holds no conversation logic and does no pacing."""
