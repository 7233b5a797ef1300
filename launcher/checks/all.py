"""Everything that `parley doctor` looks at.

To add a check, write a function from a `Context` to findings, and list it here.
"""

from launcher.checks.check import Check
from launcher.checks.configuration import settings, voices
from launcher.checks.engines import cloning, recogniser, voice
from launcher.checks.installation import packages, python
from launcher.checks.language_model import language_model
from launcher.checks.machine import machine
from launcher.checks.mesh import mesh, ports

CHECKS: dict[str, Check] = {
    "Python": python,
    "Packages": packages,
    "Settings": settings,
    "Ports": ports,
    "Recogniser": recogniser,
    "Voice": voice,
    "Cloning": cloning,
    "Language model": language_model,
    "Voices file": voices,
    "Machine": machine,
    "Running mesh": mesh,
}
"""Each under its title, in the order of the report. One that finds nothing is left out."""
