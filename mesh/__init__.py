"""The foundation of every service: server, discovery, errors, settings, logs, audio."""

import os

# gRPC's C core reads this once, when `grpc` is first imported, and otherwise writes to stderr past all logging.
# The errors that it raises carry the same facts.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

# gRPC's fork handlers are switched off. Every child process is a new program and does not need them, and what they do
# between fork and exec killed one in ten of the processes that analyse a recording.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# gRPC's older way to poll: the thread that waits for completions also reads the sockets. The newer one reads in a pool
# of threads, and every message wakes two of them more: `benchmarks/grpc_hop.py` sees a fifth more CPU time a message.
# A version of gRPC that no longer has the older way ignores this.
os.environ.setdefault("GRPC_EXPERIMENTS", "-event_engine_client,-event_engine_listener")
