"""Where people are spoken to: colours and live lines on a terminal, plain text anywhere else."""

from rich.console import Console

_PLAIN_WIDTH = 140


def console(*, stderr: bool = False) -> Console:
    """A console that never guesses at what a text means; NO_COLOR is respected, and a dumb terminal.

    What goes to a file or a pipe has long lines: an editor or a pager wraps them again, a program need not.
    """
    made = Console(stderr=stderr, highlight=False, markup=False, emoji=False)
    if not made.is_terminal:
        made.width = _PLAIN_WIDTH
    return made
