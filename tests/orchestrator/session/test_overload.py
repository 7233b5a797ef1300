from collections.abc import AsyncIterator
from typing import Any

import pytest

from mesh.errors import AtCapacity
from mesh.process.lag import Overload
from orchestrator.session.service import ConversationServicer
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1 import conversation_pb2 as pb


async def test_an_orchestrator_that_is_late_all_the_time_takes_nothing_new() -> None:
    overload = Overload(0.1)
    for probe in range(10):
        overload.note(1.0, 0.1 * probe)
    # It refuses before it looks at any of them.
    nothing: Any = None
    servicer = ConversationServicer(OrchestratorSettings(), nothing, nothing, nothing, nothing, overload=overload)

    async def requests() -> AsyncIterator[pb.ConverseRequest]:
        yield pb.ConverseRequest(config=pb.ConverseConfig())

    with pytest.raises(AtCapacity) as refused:
        await servicer.Converse(requests(), nothing)
    assert refused.value.retry_after == 2.0
