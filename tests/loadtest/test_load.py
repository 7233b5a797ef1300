"""Whole tests, at an edge in front of an orchestrator that the test speaks for."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from loadtest.load import Plan, Progress, run_load
from loadtest.report import text
from loadtest.sessions import Mark, Outcome
from loadtest.speech import opus_voice
from loadtest.targets.realtime import RealtimeTarget
from loadtest.user import Habits
from mesh.errors import AtCapacity
from mesh.tasks import beside
from tests.fakes.conversation import Conversation, FakeConversation, conversation_server

FRAME = bytes(3_840)
QUESTION = np.rint(8_000 * np.sin(0.1 * np.arange(9_600))).astype(np.int16)
"""0.4 s."""

HABITS = Habits(turns=2, pause_s=(0.05, 0.1))
PLAN = Plan(users=2, ramp_s=0.2, duration_s=3.0, settle_s=0.0)


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture
async def target(fake: FakeConversation) -> AsyncIterator[RealtimeTarget]:
    async with conversation_server(fake) as server:
        settings = EdgeSettings(port=0, orchestrator_target=server.address, voices_target="127.0.0.1:9")
        async with serving(settings, registry=CollectorRegistry()) as edge:
            yield RealtimeTarget(endpoint(edge), opus_voice([QUESTION]))


def endpoint(edge: EdgeServer) -> str:
    return f"ws://127.0.0.1:{edge.port}/v1/realtime"


async def answer_all(fake: FakeConversation) -> None:
    async with asyncio.TaskGroup() as tasks:
        while True:
            # Some of them come after a pause.
            tasks.create_task(answer(await fake._conversations.get()))


async def answer(far_end: Conversation) -> None:
    """Confirm the update, then answer each stretch of sound that ends."""
    update = await far_end.next_request("update")
    await far_end.say(update.request_id, session_updated={})
    number = 0
    try:
        while True:
            await until_quiet(far_end)
            number += 1
            reply = f"r{number}"
            await far_end.say(user_word_recognized={"item_id": f"i{number}", "text": "what"})
            await far_end.say(user_speech_stopped={"item_id": f"i{number}"})
            await far_end.say(reply_created={"reply_id": reply, "item_id": f"a{number}"})
            await far_end.say(reply_text_delta={"reply_id": reply, "text": "It"})
            for _ in range(3):
                await far_end.say(reply_audio={"reply_id": reply, "audio": FRAME})
            await far_end.say(reply_released={"reply_id": reply, "text": "It"})
            await far_end.say(reply_finished={"reply_id": reply, "text": "It"})
    except TimeoutError:
        return


async def until_quiet(far_end: Conversation) -> None:
    heard = False
    while True:
        request = await far_end.next_request("audio")
        loudest = np.abs(np.frombuffer(request.audio.audio, "<i2").astype(np.int32)).max()
        heard |= bool(loudest > 2_000)
        if heard and loudest < 200:
            return


async def test_users_talk_listen_and_talk_again(fake: FakeConversation, target: RealtimeTarget) -> None:
    seen: list[Progress] = []
    async with beside(answer_all(fake)):
        result = await run_load(PLAN, HABITS, target, on_progress=seen.append)
    turns = result.turns()
    assert len(turns) >= 4
    assert result.outcomes() == {Outcome.ANSWERED: len(turns)}
    assert len(result.records) > 2, "a session that is over is followed by another"
    for turn in turns:
        assert 0 < turn.marks[Mark.SPEECH_STOPPED] <= turn.marks[Mark.REPLY_CREATED] <= turn.marks[Mark.FIRST_AUDIO]
        assert turn.audio_s == pytest.approx(0.24 + 0.08, abs=0.041)
    assert max(each.live for each in seen) == 2
    said = "\n".join(text.lines(result))
    assert "first audio" in said
    assert "0 refused, 0 lost" in said


async def test_refusals_are_counted_by_reason(fake: FakeConversation, target: RealtimeTarget) -> None:
    fake.refusal = AtCapacity("no recogniser is free", retry_after=0.5)
    result = await run_load(PLAN._replace(duration_s=0.5), HABITS, target)
    assert set(result.refusals()) == {"AT_CAPACITY"}
    assert result.refused_after()
    assert result.turns() == []
