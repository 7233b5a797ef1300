"""How Parley talks to Kyutai's `moshi-server`, which recognises and speaks behind the proxies.

wire: floats ─▶ messages                 bytes ↔ messages, without I/O
net:  urls ─▶ upstreams ─▶ connection    where the servers are, which to take, one stream with it
"""
