"""The `parley` command: the whole mesh on one machine, its processes one by one, and callers to try it with."""
