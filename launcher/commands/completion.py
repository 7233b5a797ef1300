"""`parley completion`: the script by which a shell completes commands, options and their values."""

import click
from click.shell_completion import get_completion_class

from launcher.command import NAME, Command
from launcher.failure import ExitCode

VARIABLE = "_PARLEY_COMPLETE"
"""By it the shell's script asks for completions; click's own name for it."""

SHELLS = ("bash", "zsh", "fish")


@click.command(
    cls=Command,
    examples=[
        ("parley completion bash > ~/.local/share/bash-completion/completions/parley", "bash, for good"),
        ('eval "$(parley completion bash)"', "bash, in this terminal only"),
        ("parley completion zsh > ~/.zfunc/_parley", "zsh, with ~/.zfunc in fpath before compinit"),
        ("parley completion fish > ~/.config/fish/completions/parley.fish", "fish, for good"),
    ],
    exit_codes={ExitCode.USAGE: ExitCode.USAGE.meaning},
)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that lets SHELL complete commands, options and their values.

    The script calls `parley` each time, so it stays valid when Parley is upgraded. A folder that does not exist
    yet must be made first.
    """
    completion_class = get_completion_class(shell)
    assert completion_class is not None  # noqa: S101 - click knows these shells
    click.echo(completion_class(ctx.find_root().command, {}, NAME, VARIABLE).source())
