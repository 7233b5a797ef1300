"""What `parley doctor` looks at, one thing a module."""
