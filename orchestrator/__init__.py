"""One conversation: the core decides, the session performs, the service admits."""
