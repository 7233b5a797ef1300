"""A client whose connection, or whose edge, is lost goes on with its conversation on another connection."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from edge.session import resume_tokens
from edge.session.resume_tokens import MemoryStore, ResumeToken
from tests.edge.clients import client_of
from tests.fakes.llm import written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH
from tests.survival.harness import Mesh, Talk, open_mesh, talk
from tests.voice_service.stores.conftest import needs_redis, redis_server

KIND = {"instructions": {"prompt": "Be kind."}, "voice": "alto"}


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with open_mesh(replicas=1) as opened:
        yield opened


async def token_of(client: Talk) -> str:
    given = client.told("checkpoint") or [await client.until("checkpoint")]
    token: str = given[0]["state"]
    assert len(base64.b64decode(token)) == 32
    return token


async def test_a_lost_connection_is_taken_up_where_it_was(mesh: Mesh) -> None:
    mesh.llm.script, mesh.tts.script = written("One", " two", " three", " four."), spoken(4)
    async with talk(mesh.edge.port, session=KIND, checkpoints=True, typedOnly=True) as client:
        await client.send(text={"text": "Count!"})
        while len(client.told("replyWordSpoken")) < 2:
            await client.next()
        token = await token_of(client)
        client.websocket.transport.abort()
    reply = {"replyId": "reply_1", "text": "One two three four.", "heardText": "One two"}
    resume = {"checkpoint": token, "reply": reply}
    async with talk(mesh.edge.port, resume=resume, checkpoints=True, typedOnly=True) as client:
        assert (await client.until("replyCancelled"))["heardText"] == "One two"
        assert (await client.until("replyFinished"))["text"] == "three four."
        await client.send(text={"text": "And?"})
        created = await client.until("replyCreated")
        assert created["voice"] == "alto"
        assert await token_of(client) != token
    assert await mesh.llm.messages(1) == [
        ("system", "Be kind."),
        ("user", "Count!"),
        ("assistant", "One two three four."),
        ("user", "And?"),
    ]


async def test_a_client_that_knows_of_its_conversation_can_go_on_with_it(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token takes a moment longer than the conversation: one that is lost between the two could not go on."""
    stored: list[str] = []
    put = MemoryStore.put

    async def slow_put(self: MemoryStore, key: str, state: bytes, seconds: float, *, new: bool) -> bool:
        await asyncio.sleep(0.05)
        stored.append(key)
        return await put(self, key, state, seconds, new=new)

    monkeypatch.setattr(MemoryStore, "put", slow_put)
    async with talk(mesh.edge.port, checkpoints=True, typedOnly=True) as client:
        assert stored
        assert "checkpoint" in await client.next()


async def test_what_was_said_and_not_recognised_yet_is_to_be_sent_again(
    mesh: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = asyncio.Event()
    close = ResumeToken.close

    async def closed(self: ResumeToken) -> None:
        await close(self)
        left.set()

    monkeypatch.setattr(ResumeToken, "close", closed)
    async with talk(mesh.edge.port, session=KIND, checkpoints=True) as client:
        token = await token_of(client)
        await client.play(SPEECH, 10)
        first = await mesh.stt.hearing()
        await first.until(lambda: len(first.audio) == 10 * len(SPEECH))
        first.word("Hello.", start=0.0, end=0.4)
        await client.until("userWordRecognized")
        client.websocket.transport.abort()
        await left.wait()
    async with talk(mesh.edge.port, resume={"checkpoint": token}, checkpoints=True) as client:
        assert client.told("started")[0]["audioOffset"] == "0.400s"
        assert (await mesh.stt.hearing(1)).base == pytest.approx(0.4)


async def test_a_client_is_told_what_the_loss_has_kept_from_it(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, session=KIND, checkpoints=True) as client:
        token = await token_of(client)
        await client.play(SPEECH, 5)
        hearing = await mesh.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == 5 * len(SPEECH))
        hearing.word("Hello.")
        await client.play(SILENCE, 12)
        # By then the end of the turn is written down, too.
        await client.until("replyTextDelta")
        client.websocket.transport.abort()
    async with talk(mesh.edge.port, resume={"checkpoint": token}, checkpoints=True) as client:
        restored = await client.until("userTurnRestored")
    assert restored == {"itemId": "item_1", "text": "Hello.", "ended": True, "cause": "SPEECH_CAUSE_DETECTED"}


async def test_a_conversation_that_was_taken_up_survives_its_orchestrator_too(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, session=KIND, checkpoints=True) as client:
        token = await token_of(client)
        await client.play(SPEECH, 5)
        await client.until("userSpeechStarted")
    async with talk(mesh.edge.port, resume={"checkpoint": token}, checkpoints=True) as client:
        second = await mesh.stt.hearing(1)
        await client.play(SPEECH, 5)
        await second.until(lambda: len(second.audio) == 5 * len(SPEECH))
        second.word("Hello.")
        heard = await client.until("userWordRecognized")
        await mesh.orchestrators[0].kill()
        await mesh.orchestrators[0].start()
        third = await mesh.stt.hearing(2)
        assert f"{third.base:.3f}s" == heard["endOffset"]
        await client.play(SILENCE, 12)
        assert (await client.until("userTurnEnded"))["text"] == "Hello."


async def test_a_token_works_once(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, checkpoints=True, typedOnly=True) as client:
        token = await token_of(client)
    async with talk(mesh.edge.port, resume={"checkpoint": token}, typedOnly=True):
        pass
    await refused(mesh.edge.port, token)


async def test_a_connection_whose_token_was_used_is_closed(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume_tokens, "_RENEWED_EVERY_S", 0.05)
    async with talk(mesh.edge.port, checkpoints=True, typedOnly=True) as client:
        token = await token_of(client)
        async with talk(mesh.edge.port, resume={"checkpoint": token}, typedOnly=True) as other:
            assert (await client.next())["error"]["reason"] == "RESUMED_ELSEWHERE"
            await client.websocket.wait_closed()
            assert client.websocket.close_code == 1008
            await other.send(text={"text": "Hello?"})
            await other.until("replyFinished")


async def test_a_token_of_a_conversation_that_has_ended_works_no_more(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, checkpoints=True, typedOnly=True) as client:
        token = await token_of(client)
        await client.send(finish={})
        await client.until("conversationEnded")
        await client.websocket.wait_closed()
    await refused(mesh.edge.port, token)


async def test_nor_does_an_old_one_or_none_of_ours(mesh: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resume_tokens, "VALID_S", 0.05)
    async with talk(mesh.edge.port, checkpoints=True, typedOnly=True) as client:
        token = await token_of(client)
    await asyncio.sleep(0.2)
    await refused(mesh.edge.port, token)
    await refused(mesh.edge.port, base64.b64encode(b"x" * 32).decode())


async def test_one_that_could_not_be_used_works_again(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, checkpoints=True, typedOnly=True) as client:
        token = await token_of(client)
    await mesh.orchestrators[0].kill()
    assert await error_of(mesh.edge.port, token) == "UPSTREAM_DOWN"
    await mesh.orchestrators[0].start()
    async with asyncio.timeout(10):
        while await error_of(mesh.edge.port, token) == "UPSTREAM_DOWN":
            pass


async def test_one_whose_client_left_while_it_was_being_used_works_again(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, session=KIND, checkpoints=True, typedOnly=True) as client:
        token = await token_of(client)
        await client.send(text={"text": "Hi."})
        await client.until("replyFinished")
    await mesh.orchestrators[0].kill()
    async with connect(f"ws://127.0.0.1:{mesh.edge.port}/v1/converse", proxy=None) as websocket:
        await websocket.send(json.dumps({"config": {"resume": {"checkpoint": token}, "checkpoints": True}}))
        await asyncio.sleep(0.2)
        websocket.transport.abort()
    await mesh.orchestrators[0].start()
    resume = {"checkpoint": token}
    async with talk(mesh.edge.port, resume=resume, checkpoints=True, typedOnly=True) as client:
        await client.send(text={"text": "And?"})
        await client.until("replyFinished")
    assert ("user", "Hi.") in await mesh.llm.messages(1)


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/converse"])
async def test_a_client_that_did_not_ask_is_given_none(mesh: Mesh, path: str) -> None:
    async with client_of(mesh.edge.port, path) as client:
        await client.send(config={"typedOnly": True})
        await client.next_event()
        await client.send(text={"text": "Hello?"})
        for _ in range(3):
            assert "checkpoint" not in await client.next_event()
            if path == "/v1/realtime":
                break


@pytest.mark.redis
@needs_redis[1]
async def test_another_edge_takes_it_up(tmp_path: Path) -> None:
    async with redis_server(tmp_path) as url, open_mesh(replicas=1, edge={"redis_url": url}) as mesh:
        other = await mesh.another_edge(redis_url=url)
        async with talk(mesh.edge.port, session=KIND, checkpoints=True, typedOnly=True) as client:
            await client.send(text={"text": "Hello?"})
            await client.until("replyFinished")
            token = await token_of(client)
            async with talk(other.port, resume={"checkpoint": token}, checkpoints=True, typedOnly=True) as second:
                await second.send(text={"text": "And now?"})
                await second.until("replyFinished")
        await refused(mesh.edge.port, token)
    assert len(await mesh.llm.messages(1)) == 4


async def test_memory_forgets_what_is_too_old() -> None:
    store = MemoryStore()
    assert await store.put("a", b"1", 0.0, new=True)
    assert await store.put("b", b"2", 60.0, new=True)
    assert await store.take("a") is None
    assert not await store.put("a", b"3", 60.0, new=False)
    assert await store.put("b", b"4", 60.0, new=False)
    assert await store.take("b") == b"4"
    assert await store.take("b") is None


async def error_of(port: int, token: str) -> str | None:
    """How it goes wrong to use a token; None: it works."""
    async with client_of(port, "/v1/converse") as client:
        await client.send(config={"resume": {"checkpoint": token}, "typedOnly": True})
        event = await client.next_event()
        reason: str | None = event["error"]["reason"] if "error" in event else None
        return reason


async def refused(port: int, token: str) -> None:
    assert await error_of(port, token) == "CHECKPOINT_INVALID"
