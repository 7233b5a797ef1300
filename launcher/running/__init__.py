"""A mesh on this machine.

Files: `language_model` (which one it talks to), `plan` (what will run), `supervise` (keeps it running), `process` and
`child` (one process), `ports`, `probes`, `output` (everything that `up` prints).
"""
