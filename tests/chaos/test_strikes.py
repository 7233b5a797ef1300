"""The short form of `parley chaos`: one fault, on real processes."""

import pytest

from chaos.members import Fault, Victim
from chaos.mesh import MeshPlan, running_mesh
from chaos.strikes import StrikePlan, Striker

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


async def test_a_recogniser_that_is_killed_costs_no_word() -> None:
    # With one replica, so that the fault is sure to hit these conversations.
    async with running_mesh(MeshPlan(replicas=1, restart_s=0.2, first_token_s=0.3, tokens_per_s=40)) as mesh:
        (proxy,) = mesh.replicas(Victim.STT_PROXY)
        before = proxy.pid
        struck = await Striker(mesh, StrikePlan(["speaking", "mid-reply"], each=1)).strike(Victim.STT_PROXY, Fault.KILL)
        assert proxy.pid not in (before, None)
    assert [each.seen for each in struck.conversations] == ["speaking", "mid-reply"]
    for each in struck.conversations:
        assert each.outcome.warnings[:1] == ("STT_LOST",)
        assert each.outcome.lost == ()
        assert each.outcome.heard == each.outcome.said
        assert [answer.fault for answer in each.outcome.answers] == [None, None]
