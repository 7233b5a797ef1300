"""Whether the mesh can have its ports, and whether the processes of one that runs are ready."""

import asyncio

from launcher.checks.check import Context
from launcher.processes import RESPONDER
from launcher.running.ports import port_faults
from launcher.running.probes import http_json
from mesh.engines.findings import Finding, fine, wrong


async def ports(context: Context) -> list[Finding]:
    """Try to listen on each of them."""
    wanted = context.planned.ports
    listed = ", ".join(str(each.port) for each in sorted(wanted, key=lambda each: each.port))
    if context.running:
        return [fine("all", f"Parley is already running here, on {listed}")]
    faults = await asyncio.to_thread(lambda: list(port_faults(wanted)))
    if not faults:
        return [fine("all", f"free: {listed}")]
    return [wrong(str(fault.wanted.port), fault.why, fault.remedy) for fault in faults]


_NEEDS = {"stt_up": "speech recognition", "tts_up": "speech synthesis", "llm_up": "the language model"}


async def mesh(context: Context) -> list[Finding]:
    """Ask every process, and the edge about what conversations need. Nothing, where no mesh runs."""
    if not context.running:
        return []
    health = await http_json(*context.planned.edge, "/v1/health", timeout_s=3.0) or {}
    children = context.planned.children
    answers = await asyncio.gather(*(child.ready() for child in children))
    findings = []
    for child, ready in zip(children, answers, strict=True):
        if ready:
            findings.append(fine(child.name, "ready"))
        elif child.name != RESPONDER.name:
            remedy = f"see what it last logged; run it by itself: parley {child.name}"
            findings.append(wrong(child.name, "does not answer, or is not ready", remedy))
    for name, what in _NEEDS.items():
        if not health.get(name):
            findings.append(wrong(what, "is down, as the orchestrator reports", "see its own check above"))
    return findings
