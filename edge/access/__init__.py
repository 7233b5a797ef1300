"""Which clients the edge lets in: origins, forwarded addresses, limits per address, admission."""
