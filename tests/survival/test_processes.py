"""Two edges and two orchestrators as real processes, and what the language model is shown when they are killed."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.fakes import llm as fake_llm
from tests.fakes import tts as fake_tts
from tests.fakes.llm import written
from tests.fakes.tts import spoken
from tests.ports import free_port
from tests.survival.harness import KEY, Talk, talk
from tests.voice_service.stores.conftest import needs_redis, redis_server

pytestmark = [pytest.mark.e2e, pytest.mark.redis, needs_redis[1], pytest.mark.timeout(300)]

WORDS = [f"word{number}" for number in range(30)]
PEOPLE = 20


class Member:
    """One process of the mesh, which can be started again."""

    def __init__(self, package: str, **settings: Any) -> None:
        self.port = free_port()
        self._command = (sys.executable, "-m", package)
        own = {"PORT": self.port, "METRICS_PORT": 0, "DRAIN_LIMIT_S": 10}
        settings |= {f"PARLEY_{package.upper()}_{name}": value for name, value in own.items()}
        self._environ = {**os.environ, **{name: str(value) for name, value in settings.items()}}

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, env=self._environ, stderr=asyncio.subprocess.PIPE
        )
        assert self._process.stderr
        async with asyncio.timeout(60):
            await self._process.stderr.readuntil(b"serving")
        self._rest = asyncio.create_task(self._process.stderr.read())

    async def stop(self, how: signal.Signals) -> int:
        with suppress(ProcessLookupError):
            self._process.send_signal(how)
        async with asyncio.timeout(30):
            code = await self._process.wait()
        await self._rest
        return code


@dataclass
class House:
    llm: fake_llm.FakeLlm
    edges: list[Member]
    orchestrators: list[Member]


@asynccontextmanager
async def open_house(folder: Path) -> AsyncIterator[House]:
    tts, llm = fake_tts.FakeTts(), fake_llm.FakeLlm()
    tts.script = spoken(3)
    async with AsyncExitStack() as exits:
        redis = await exits.enter_async_context(redis_server(folder))
        tts_server = await exits.enter_async_context(fake_tts.serving(tts))
        url = await exits.enter_async_context(fake_llm.serving(llm))
        orchestrators = [
            Member(
                "orchestrator",
                PARLEY_MESH_TTS_TARGET=tts_server.address,
                PARLEY_LLM_URL=url,
                PARLEY_ORCHESTRATOR_CHECKPOINT_KEY=KEY,
            )
            for _ in range(2)
        ]
        targets = ",".join(f"127.0.0.1:{each.port}" for each in orchestrators)
        edges = [Member("edge", PARLEY_MESH_ORCHESTRATOR_TARGET=targets, PARLEY_EDGE_REDIS_URL=redis) for _ in range(2)]
        for member in (*orchestrators, *edges):
            await member.start()
            exits.push_async_callback(member.stop, signal.SIGKILL)
        yield House(llm, edges, orchestrators)


async def hear(client: Talk, words: int) -> None:
    """Listen to so many more words."""
    wanted = len(client.told("replyWordSpoken")) + words
    while len(client.told("replyWordSpoken")) < wanted:
        await client.next()


async def heard_out(client: Talk) -> list[str]:
    """Listen to the end, and return all that the client was told as heard."""
    finished = await client.until("replyFinished")
    parts = [each.get("heardText", "") for each in client.told("replyCancelled")]
    return " ".join([*parts, finished["text"]]).split()


async def test_whatever_is_killed_the_model_is_shown_exactly_what_was_heard(tmp_path: Path) -> None:
    session = {"instructions": {"prompt": "Be kind."}}
    async with open_house(tmp_path) as house:
        house.llm.script = written(" ".join(WORDS), " end.")
        whole = [*WORDS, "end."]
        first, second = house.edges
        async with talk(first.port, session=session, checkpoints=True, typedOnly=True) as client:
            await client.send(text={"text": "Count!"})
            await hear(client, 2)
            for orchestrator in house.orchestrators:
                await orchestrator.stop(signal.SIGKILL)
                await hear(client, 2)
                await orchestrator.start()
            assert await heard_out(client) == whole

            token = client.told("checkpoint")[-1]["state"]
            client.events.clear()
            await client.send(text={"text": "Again!"})
            await hear(client, 4)
            heard = [each["text"] for each in client.told("replyWordSpoken")]
            text = "".join(each["text"] for each in client.told("replyTextDelta"))
            reply = {"replyId": client.told("replyCreated")[-1]["replyId"], "text": text, "heardText": " ".join(heard)}
            await first.stop(signal.SIGKILL)
        resume = {"checkpoint": token, "reply": reply}
        async with talk(second.port, resume=resume, checkpoints=True, typedOnly=True) as client:
            assert await heard_out(client) == whole
            await client.send(text={"text": "And?"})
            await client.until("replyCreated")
            await client.until("replyTextDelta")
        asked = [(each["role"], each["content"]) for each in house.llm.requests[-1]["messages"]]
    assert asked == [
        ("system", "Be kind."),
        ("user", "Count!"),
        ("assistant", " ".join(whole)),
        ("user", "Again!"),
        ("assistant", " ".join(whole)),
        ("user", "And?"),
    ]


async def test_a_rolling_restart_loses_none_of_twenty_conversations(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        begun, restarted = asyncio.Barrier(PEOPLE + 1), asyncio.Event()
        async with asyncio.TaskGroup() as everybody:
            people = [everybody.create_task(person(number, house, begun, restarted)) for number in range(PEOPLE)]
            await begun.wait()
            for member in (*house.orchestrators, *house.edges):
                assert await member.stop(signal.SIGTERM) == 0
                await member.start()
            restarted.set()
        last = [task.result() for task in people]
        shown = [[each["content"] for each in request["messages"]] for request in house.llm.requests]
    for number, turns in enumerate(last):
        (final,) = [each for each in shown if each[-1] == f"Person {number}, turn {turns}."]
        assert final[::2] == [f"Person {number}, turn {turn}." for turn in range(turns + 1)]
        assert set(final[1::2]) == {"Well, hello there."}


async def person(number: int, house: House, begun: asyncio.Barrier, restarted: asyncio.Event) -> int:
    """Type turn after turn until everything was restarted, on one edge or the other. Returns the last turn."""
    session = {"replyModality": "REPLY_MODALITY_TEXT"}
    config: dict[str, Any] = {"typedOnly": True, "checkpoints": True, "session": session}
    turn = 0
    for edge in house.edges[number % 2 :] + house.edges * 20:
        with suppress(OSError, WebSocketException):
            async with connect(f"ws://127.0.0.1:{edge.port}/v1/converse", proxy=None) as websocket:
                await websocket.send(json.dumps({"config": config}))
                async for message in websocket:
                    event = json.loads(message)
                    assert "warning" not in event, event
                    assert event.get("error", {}).get("reason") in (None, "DRAINING", "UPSTREAM_DOWN"), event
                    if token := event.get("checkpoint", {}).get("state"):
                        config = {"typedOnly": True, "checkpoints": True, "resume": {"checkpoint": token}}
                    if "replyFinished" in event:
                        if restarted.is_set():
                            return turn
                        turn += 1
                        if turn == 1:
                            await begun.wait()
                        await asyncio.sleep(1.0)
                    if "started" in event or "replyFinished" in event:
                        await websocket.send(json.dumps({"text": {"text": f"Person {number}, turn {turn}."}}))
        await asyncio.sleep(0.2)
    raise AssertionError(f"person {number} finds no edge after turn {turn}")
