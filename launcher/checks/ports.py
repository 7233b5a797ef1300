"""Whether the mesh can have the ports it wants."""

import asyncio

from launcher.checks.finding import Finding, fine, wrong
from launcher.checks.situation import Situation
from launcher.running.ports import port_faults


async def ports(situation: Situation) -> list[Finding]:
    """Try to listen on each of them."""
    wanted = situation.planned.ports
    listed = ", ".join(str(each.port) for each in sorted(wanted, key=lambda each: each.port))
    if situation.running:
        return [fine("all", f"Parley is already running here, on {listed}")]
    faults = await asyncio.to_thread(lambda: list(port_faults(wanted)))
    if not faults:
        return [fine("all", f"free: {listed}")]
    return [wrong(str(fault.wanted.port), fault.why, fault.remedy) for fault in faults]
