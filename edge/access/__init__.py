"""Which clients the edge lets in.

admission  refusals: by origin, by address, while draining
origins    the rule for the `Origin` header
proxies    addresses and hosts as trusted proxies report them
"""
