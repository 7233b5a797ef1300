"""Text files that people edit, and the scripts of the world."""
