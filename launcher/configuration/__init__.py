"""Every setting of every process, as a person or a program wants to see them."""
