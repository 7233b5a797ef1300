"""One file a command. Each is imported when it is run, so that no command waits for what others import."""
