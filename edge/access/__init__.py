"""Which clients the edge lets in.

admission  refusals: by origin, by address, while draining
origins    the rule for the `Origin` header
quota      how often an address may do something in a day
proxies    addresses and hosts as trusted proxies report them
"""
