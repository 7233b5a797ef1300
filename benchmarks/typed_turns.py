"""What typed turns cost an orchestrator, and whether the calls beside them keep their sound.

    python -m benchmarks.typed_turns [--turns 60] [--calls 2]

A mesh of real processes before stand-ins of the engines. Calls listen to a long answer, first alone, then while so many
typed conversations ask a question each, all at once. For both: the longest time between two pieces of a call's sound,
and what of a reply came later than its listener needed it. For the typed turns: how many were answered, after how long,
and the processor time of the orchestrator for each.
"""

import argparse
import asyncio
import os
from collections import Counter
from itertools import pairwise

import grpc
import numpy as np
import psutil

from loadtest.processes import mesh_processes
from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.people import bridge, now
from tests.unmute.mesh_with_standins import MeshWithStandins, running_mesh_with_standins

ANSWER = "The weather there is mild today with a little wind from the lake and some clouds in the afternoon sky. " * 3
LIMIT_S = 120.0


def cpu_s(pid: int) -> float:
    """The processor time that a process has used."""
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


async def listened(target: str) -> tuple[float, float]:
    """Hear one answer: the longest gap between two pieces of its sound, and by how much it was late; seconds."""
    async with bridge(target, pb.ConverseConfig(typed_only=True)) as call:
        await call.first("started")
        await call.send(text=pb.UserText(text="Tell me about the weather."))
        await call.first("reply_finished", within=LIMIT_S)
        pieces = [
            (at, len(event.reply_audio.audio) / SAMPLE_BYTES / SAMPLE_RATE)
            for at, event in call.heard.entries
            if event.HasField("reply_audio")
        ]
    gaps = [after - before for (before, _), (after, _) in pairwise(pieces)]
    due, late = pieces[0][0], 0.0
    for at, length in pieces:
        late = max(late, at - due)
        due = max(due, at) + length
    return max(gaps), late


async def typed(target: str) -> tuple[str, float]:
    """One typed turn: how it ended, and the seconds until its text was there."""
    began, ended = now(), "answered"
    session = pb.SessionConfig(reply_modality=pb.REPLY_MODALITY_TEXT)
    try:
        async with bridge(target, pb.ConverseConfig(typed_only=True, session=session)) as person:
            await person.first("started", within=LIMIT_S)
            await person.send(text=pb.UserText(text="What is the weather like?"))
            await person.first("reply_text_done", within=LIMIT_S)
    except* TimeoutError:
        ended = "unanswered"
    except* grpc.aio.AioRpcError as refused:
        first = refused.exceptions[0]
        ended = first.code().name if isinstance(first, grpc.aio.AioRpcError) else "refused"
    return ended, now() - began


async def measure(mesh: MeshWithStandins, calls: int, turns: int) -> None:
    """Print what was found."""
    target = mesh.mesh.orchestrator
    (orchestrator,) = (
        pid for pid, name in mesh_processes(mesh.mesh.edge_port).items() if name.startswith("orchestrator")
    )
    alone = 0.0
    for number in (0, turns):
        used = cpu_s(orchestrator)
        heard = asyncio.gather(*(listened(target) for _ in range(calls)))
        await asyncio.sleep(2.0)
        ended = await asyncio.gather(*(typed(target) for _ in range(number)))
        gaps, late = np.array(await heard).T
        used = cpu_s(orchestrator) - used
        print(f"{calls} calls beside {number} typed turns, load {os.getloadavg()[0]:.1f}:")
        print(f"  longest gap in a call's sound {max(gaps):.2f} s, late by {max(late):.2f} s at most")
        if number:
            took = np.percentile([seconds for _, seconds in ended], [50, 95])
            print(f"  typed: {dict(Counter(kind for kind, _ in ended))}, after {took[0]:.2f} s (p95 {took[1]:.2f})")
            print(f"  orchestrator: {1000 * (used - alone) / number:.1f} ms of a processor for each typed turn")
        alone = used


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--calls", type=int, default=2)
    wanted = parser.parse_args()
    with running_mesh_with_standins("--set=tts:slots=500", "--reply", ANSWER) as mesh:
        asyncio.run(measure(mesh, wanted.calls, wanted.turns))


if __name__ == "__main__":
    main()
