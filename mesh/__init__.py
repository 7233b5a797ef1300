"""What every service of the mesh stands on: server, discovery, errors, settings, logs, audio."""

import os

# gRPC's C core reads this once, when `grpc` is first imported, and otherwise writes to stderr past all logging.
# What it knows is told again by the errors it raises.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
