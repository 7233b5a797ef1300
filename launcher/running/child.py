"""Runs one process of the mesh so that it cannot outlive its parent.

    python -m launcher.running.child PARENT_PID MODULE

It is killed when the parent ends, however that happens; a parent that is killed has no chance to do so itself.
"""

import importlib
import sys

from mesh.process.platform import die_with


def main() -> None:
    """Run the module's `main` as a child of the process whose id is given."""
    parent_pid, module = sys.argv[1:]
    die_with(int(parent_pid))
    importlib.import_module(module).main()


if __name__ == "__main__":
    main()
