"""What every service of the mesh stands on: server, discovery, errors, settings, logs, audio."""
