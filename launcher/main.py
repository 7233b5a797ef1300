"""The `parley` command."""

import click

from launcher.call import call
from launcher.config import config
from launcher.health import health
from launcher.say import say
from launcher.service import SERVICE_COMMANDS
from launcher.up import up
from mesh import logs


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="parley")
def main() -> None:
    """Let any text LLM listen and speak.

    `parley up` runs the whole mesh on this machine; `parley call` and `parley say` talk to it. The others run one
    process each, as production starts them.
    """
    # Processes set up a log of their own; callers and the launcher speak for themselves unless something is wrong.
    logs.configure("parley", level="warning")


for command in (up, call, say, config, health, *SERVICE_COMMANDS):
    main.add_command(command)
