"""An orchestrator is lost in the middle of a conversation, in each phase: the client notices a pause at most."""

from collections.abc import AsyncIterator

import pytest

from tests.survival.harness import Mesh, open_mesh, talk


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with open_mesh() as opened:
        yield opened


async def test_between_two_turns_the_next_is_answered_with_the_whole_history(mesh: Mesh) -> None:
    session = {"instructions": {"prompt": "Be kind."}, "voice": "alto"}
    async with talk(mesh.edge.port, session=session, typedOnly=True) as client:
        await client.send(text={"text": "Hello?"})
        await client.until("replyFinished")
        await mesh.busy().kill()
        await client.send(text={"text": "And now?"})
        ended = await client.until("userTurnEnded")
        created = await client.until("replyCreated")
        await client.until("replyFinished")
    assert await mesh.llm.messages(1) == [
        ("system", "Be kind."),
        ("user", "Hello?"),
        ("assistant", "Well, hello there."),
        ("user", "And now?"),
    ]
    assert (ended["itemId"], created["replyId"], created["voice"]) == ("item_3", "reply_2", "alto")
    assert len(client.told("started")) == 1
    assert mesh.tts.asked_voices == ["alto", "alto"]
