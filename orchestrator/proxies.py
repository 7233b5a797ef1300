"""Where HTTP goes without the proxy that the environment may name: it is for the way out, not for neighbours."""

PAST_PROXIES = dict.fromkeys(("all://127.0.0.1", "all://localhost", "all://[::1]"))
"""The `mounts` of a client: None for a pattern means that what fits it goes directly."""
