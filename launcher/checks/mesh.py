"""Whether the processes of a mesh that runs are well."""

import asyncio

from launcher.checks.finding import Finding, fine, wrong
from launcher.checks.situation import Situation
from launcher.processes import RESPONDER
from launcher.running.probes import http_json

_NEEDS = {"stt_up": "speech recognition", "tts_up": "speech synthesis", "llm_up": "the language model"}


async def mesh(situation: Situation) -> list[Finding]:
    """Ask every process, and the edge about what conversations need. Nothing, where no mesh runs."""
    if not situation.running:
        return []
    health = await http_json(*situation.planned.edge, "/v1/health", timeout_s=3.0) or {}
    children = situation.planned.children
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
            findings.append(wrong(what, "is down, says the orchestrator", "its own check above tells more"))
    return findings
