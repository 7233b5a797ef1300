"""What engines and their servers share: plugins, weights, servers reached by URL, findings of checks."""
