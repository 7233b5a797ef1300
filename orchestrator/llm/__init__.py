"""The language model: its client, what it writes, how long it may take, how it fails."""
