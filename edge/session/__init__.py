"""One WebSocket conversation: its two pumps, what waits to be sent, how it is refused."""
