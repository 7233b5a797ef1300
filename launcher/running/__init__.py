"""A mesh on this machine.

Files: `plan` (what will run), `supervise` (keeps it running), `process` and `child` (one process), `ports`,
`probes`, `output`, `banner`.
"""
