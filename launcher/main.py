"""The `parley` command."""

import click

from launcher.call import call
from launcher.command import Commands
from launcher.completion import completion
from launcher.config import config
from launcher.doctor import doctor
from launcher.fake_engines import fake_engines
from launcher.say import say
from launcher.service import SERVICE_COMMANDS
from launcher.up import up
from mesh import logs


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    examples=[
        ("parley doctor", "is this machine ready?"),
        ("parley up", "run everything"),
        ('parley say "What time is it?"', "in another terminal: a typed turn, answered"),
    ],
)
@click.version_option(package_name="parley")
def main() -> None:
    """Let any text LLM listen and speak.

    `parley up` runs the whole mesh on this machine; `parley call` and `parley say` talk to it. `parley COMMAND --help`
    tells more, with examples.
    """
    # Processes set up a log of their own; callers and the launcher speak for themselves unless something is wrong.
    logs.configure("parley", level="warning")


main.add_section("Run", [up])
main.add_section("Try", [call, say, fake_engines])
main.add_section("Look", [doctor, config, completion])
main.add_section("Processes, one by one, as production starts them", SERVICE_COMMANDS)
