"""Callers for a running mesh.

Files: `transport` (what a caller sees), `converse` and `realtime` (gRPC, WebSocket), `audio`, `transcript`,
`call_runner`.
"""
