"""The `parley` command: the whole mesh on one machine, its processes one by one, and callers to try it with.

| where | what |
|---|---|
| `main`, `command`, `options`, `failure`, `console` | the list of commands, their help, shared options, exit codes |
| `commands/` | one file a command |
| `processes`, `engines` | what a mesh is made of |
| `running/` | `up`: choose the language model, plan a mesh, start it, keep it running, print its log |
| `calling/` | `call` and `say`: transports into a mesh, and what is played, printed and kept |
| `checks/` | `doctor`: one file a subject |
| `configuration/` | `config`: every setting of every process, in several formats |
| `recordings/` | `recording export`: what recordings are exported to |

Imports go down this table or into a room, never back up: a command imports rooms, and no room imports a command.
"""

import sys

# Before anything is imported that a Python too old would refuse with a traceback.
if sys.version_info < (3, 11):  # noqa: UP036 - pip is not the only way to start it
    sys.exit(f"Parley needs Python 3.11 to 3.14; this is Python {sys.version.split()[0]}.")
