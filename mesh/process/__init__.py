"""One process: how it runs and fails, drains, logs, listens and is measured."""
