"""The cloning engines, one module each."""
