"""What recordings are exported to."""
