"""How Parley talks to Kyutai's `moshi-server`, which recognises, speaks and clones voices behind the services.

wire: floats ─▶ messages                          bytes ↔ messages, without I/O
net:  urls ─▶ probe, connection ─▶ servers        how a server is, one stream with it, which of them to take
"""
