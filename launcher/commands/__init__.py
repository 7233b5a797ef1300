"""One module for each command of parley."""
