"""What a command ends with when it cannot do what it was asked."""

import click


class Failure(click.ClickException):
    """Printed to standard error; its message says the next step where there is one. The exit code is `exit_code`."""

    exit_code = 1
