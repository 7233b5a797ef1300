"""What all checks look at: the mesh that `parley up` would run here, and whether it runs already."""

from collections.abc import Mapping
from typing import NamedTuple

from launcher.configuration.inventory import inventory
from launcher.language_model import LanguageModel, choose
from launcher.mesh_options import MeshOptions
from launcher.processes import EDGE
from launcher.running.plan import Plan, plan
from launcher.running.presence import is_running
from mesh.settings import load


class Situation(NamedTuple):
    """The variables as they are, those of them that fit, and what follows."""

    environ: Mapping[str, str]
    fitting: Mapping[str, str]
    """Without the variables that do not fit, so that one fault does not hide the others."""
    planned: Plan
    llm: LanguageModel | None
    """None: the built-in responder."""
    running: bool
    """Whether a Parley answers where this one would."""


async def look(environ: Mapping[str, str], options: MeshOptions) -> Situation:
    """Find the situation out."""
    bad = {entry.reading.source for entry in inventory(environ) if entry.reading.fault}
    fitting = {name: value for name, value in environ.items() if name not in bad}
    edge_port = load(EDGE.settings_type, fitting, port=options.port).port
    llm = await choose(options.llm, fitting, edge_port)
    planned = plan(fitting, edge_port=edge_port, port_offset=options.port_offset, drain_limit_s=0.0, llm=llm)
    return Situation(environ, fitting, planned, llm, await is_running(planned))
