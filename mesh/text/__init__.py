"""Text files that people edit, the scripts of the world, and the marks of Markdown."""
