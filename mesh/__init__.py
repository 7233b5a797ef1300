"""What every service of the mesh stands on: server, discovery, errors, settings, logs, audio."""

import os

# gRPC's C core reads this once, when `grpc` is first imported, and otherwise writes to stderr past all logging.
# What it knows is told again by the errors it raises.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# Nor shall it do anything when a process is started: a child is a new program, and what gRPC's handlers do between fork
# and exec kills some of them, one in ten of those that analyse a recording.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
