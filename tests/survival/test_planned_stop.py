"""A process is asked to stop: its conversations go on elsewhere, and their clients notice nothing."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import grpc
import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from edge.session import stream
from mesh.errors import MeshError
from orchestrator.recorder import Recordings
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1 import conversation_pb2 as pb
from tests.edge.clients import client_of
from tests.fakes import llm as fake_llm
from tests.fakes import stt as fake_stt
from tests.fakes import tts as fake_tts
from tests.fakes.llm import written
from tests.fakes.stt import FakeStt
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, calling
from tests.orchestrator.harness import open_harness, orchestrator
from tests.survival.harness import Mesh, Orchestrator, open_mesh, talk


async def closing(websocket: ClientConnection) -> AsyncIterator[str | bytes]:
    """What still comes, to the end."""
    with suppress(ConnectionClosed):
        while True:
            yield await websocket.recv()


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with open_mesh() as opened:
        yield opened


async def test_in_a_pause_the_conversation_moves_at_once(mesh: Mesh) -> None:
    async with talk(mesh.edge.port, session={"instructions": {"prompt": "Be kind."}}) as client:
        await client.play(SILENCE, 2)
        await client.send(text={"text": "Hello?"})
        await client.until("replyFinished")
        leaving = mesh.busy()
        await leaving.drain()
        await asyncio.wait_for(until_free(leaving), 5)
        second = await mesh.stt.hearing(1)
        await client.play(SPEECH, 3)
        await second.until(lambda: len(second.audio) >= 3 * len(SPEECH))
        second.word("Bye.")
        await client.play(SILENCE, 12)
        await client.until("replyFinished")
    assert [said for _, said in await mesh.llm.messages(1)] == ["Be kind.", "Hello?", "Well, hello there.", "Bye."]
    assert not client.told("replyCancelled")


async def test_a_reply_is_spoken_to_its_end_first(mesh: Mesh) -> None:
    mesh.llm.script, mesh.tts.script = written("One", " two", " three."), spoken(4)
    async with talk(mesh.edge.port, typedOnly=True) as client:
        await client.send(text={"text": "Count!"})
        await client.until("replyWordSpoken")
        leaving = mesh.busy()
        await leaving.drain()
        finished = await client.until("replyFinished")
        await asyncio.wait_for(until_free(leaving), 5)
        await client.send(text={"text": "Again!"})
        await client.until("replyFinished")
    assert finished["text"] == "One two three."
    assert not client.told("replyCancelled")


async def test_if_nobody_pauses_it_moves_in_the_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_HURRY_S", 29.8)
    async with open_mesh() as mesh:
        mesh.llm.script, mesh.tts.script = written(*[f" word{number}" for number in range(20)]), spoken(4)
        async with talk(mesh.edge.port, typedOnly=True) as client:
            await client.send(text={"text": "Count!"})
            await client.until("replyWordSpoken")
            await mesh.busy().drain()
            cut = await client.until("replyCancelled")
            rest = await client.until("replyFinished")
        said = f"{cut['heardText']} {rest['text']}".split()
        assert said == [f"word{number}" for number in range(20)]


async def test_without_another_replica_it_stays_to_the_end(mesh: Mesh) -> None:
    other = next(each for each in mesh.orchestrators)
    await other.kill()
    async with talk(mesh.edge.port, typedOnly=True) as client:
        await mesh.busy().drain()
        await client.send(text={"text": "Hello?"})
        await client.until("replyFinished")
        await other.start()
        await client.send(text={"text": "Hello again?"})
        await client.until("replyFinished")
    assert (await mesh.llm.messages(1))[-1] == ("user", "Hello again?")


async def test_a_client_that_cannot_move_is_told_why_it_is_ended() -> None:
    async with (
        open_harness(drain_limit_s=0.6) as harness,
        harness.calling(pb.ConverseConfig(typed_only=True)) as caller,
    ):
        await harness.server._refuse_calls()
        with pytest.raises(MeshError) as ended:
            await caller.to_end()
        assert ended.value.reason == "DRAINING"
        assert caller.names() == ["started"]


async def test_one_that_asked_is_told_at_once() -> None:
    config = pb.ConverseConfig(typed_only=True, checkpoints=True)
    async with open_harness() as harness, harness.calling(config) as caller:
        await harness.server._refuse_calls()
        away = await caller.until("go_away")
        assert (away.reason, away.time_left.seconds) == ("DRAINING", 30)


async def test_an_edge_that_is_to_stop_lets_a_reply_end_and_then_disconnects(mesh: Mesh) -> None:
    mesh.llm.script, mesh.tts.script = written("One", " two", " three."), spoken(4)
    async with talk(mesh.edge.port, typedOnly=True) as client:
        await client.send(text={"text": "Count!"})
        await client.until("replyWordSpoken")
        await mesh.edge.refuse_sessions()
        await client.until("replyFinished")
        assert (await client.next())["error"]["reason"] == "DRAINING"
        await client.websocket.wait_closed()
        assert client.websocket.close_code == 1012


async def test_a_client_is_given_its_token_before_the_edge_disconnects_it(mesh: Mesh) -> None:
    async with connect(f"ws://127.0.0.1:{mesh.edge.port}/v1/converse", proxy=None) as websocket:
        await mesh.edge.refuse_sessions()
        await websocket.send(json.dumps({"config": {"typedOnly": True, "checkpoints": True}}))
        events = [json.loads(message) async for message in closing(websocket)]
    assert [name for event in events for name in event] == ["started", "checkpoint", "error"]
    assert events[-1]["error"]["reason"] == "DRAINING"
    assert websocket.close_code == 1012


async def test_in_unmutes_dialect_as_well(mesh: Mesh) -> None:
    async with client_of(mesh.edge.port) as client:
        await client.update(voice="alto")
        await client.next_event()
        await mesh.edge.refuse_sessions()
        assert (await client.closed())[0] == 1012


async def test_a_recogniser_that_is_to_stop_is_left_in_a_silence() -> None:
    fakes = FakeStt(), FakeStt()
    async with AsyncExitStack() as exits:
        servers = [await exits.enter_async_context(fake_stt.serving(fake)) for fake in fakes]
        tts = await exits.enter_async_context(fake_tts.serving(fake_tts.FakeTts()))
        url = await exits.enter_async_context(fake_llm.serving(fake_llm.FakeLlm()))
        settings = OrchestratorSettings(port=0, metrics_port=0, llm_url=url)
        recordings = await exits.enter_async_context(Recordings(settings))
        targets = ",".join(server.address for server in servers)
        served = orchestrator(settings, targets, tts.address, CollectorRegistry(), recordings)
        server = await exits.enter_async_context(served)
        channel = await exits.enter_async_context(grpc.aio.insecure_channel(server.address))
        caller = await exits.enter_async_context(calling(channel))
        await caller.play(SPEECH)
        await caller.until("user_speech_started")
        (number,) = [number for number, fake in enumerate(fakes) if fake.hearings]
        await servers[number]._refuse_calls()
        heard = await fakes[number].hearing()
        heard.word("Hello.")
        await caller.play(*[SILENCE] * 30)
        await caller.until("user_turn_ended")
        another = await fakes[1 - number].hearing()
        assert another.base > 1.0
        await another.until(lambda: len(another.audio) > 0)
        await caller.play(*[SPEECH] * 4)
        await caller.until("user_speech_started")
        assert "warning" not in caller.names()


async def until_free(one: Orchestrator) -> None:
    while one.has_calls:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
