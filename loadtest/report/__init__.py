"""Reports of a result: `text` for a terminal."""
