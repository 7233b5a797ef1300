"""What a check is, what it looks at and what it finds."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from launcher.configuration.inventory import inventory
from launcher.options import MeshOptions
from launcher.processes import EDGE
from launcher.running.language_model import LanguageModel, choose
from launcher.running.plan import Plan, plan
from launcher.running.probes import is_running
from mesh.engines.findings import Finding, wrong
from mesh.settings import load

_CHECK_LIMIT_S = 90.0


class Context(NamedTuple):
    """The variables as they are, those of them that fit, and what follows."""

    environ: Mapping[str, str]
    fitting: Mapping[str, str]
    """Without the variables that do not fit, so that one fault does not hide the others."""
    planned: Plan
    llm: LanguageModel | None
    """None: the built-in responder."""
    running: bool
    """Whether a Parley answers where this one would."""


async def context_of(environ: Mapping[str, str], options: MeshOptions) -> Context:
    """Find the situation out."""
    bad = {entry.reading.source for entry in inventory(environ) if entry.reading.fault}
    fitting = {name: value for name, value in environ.items() if name not in bad}
    edge_port = load(EDGE.settings_type, fitting, port=options.port).port
    llm = await choose(options.llm, fitting, edge_port)
    planned = plan(fitting, edge_port=edge_port, port_offset=options.port_offset, drain_limit_s=0.0, llm=llm)
    return Context(environ, fitting, planned, llm, await is_running(planned.edge))


Check: TypeAlias = Callable[[Context], Awaitable[Sequence[Finding]]]
"""Looks at one thing. It may take long and may fail: `findings_of` runs it."""


async def findings_of(check: Check, context: Context) -> Sequence[Finding]:
    """What a check finds. A check that fails, or takes too long, is a finding as well."""
    try:
        async with asyncio.timeout(_CHECK_LIMIT_S):
            return await check(context)
    except TimeoutError:
        return [wrong("this check", f"took longer than {_CHECK_LIMIT_S:g} s", "is the machine very busy? Try again")]
    except Exception as error:  # noqa: BLE001 - the other checks must run all the same
        return [wrong("this check", f"failed: {type(error).__name__}: {error}", "please report this fault")]
