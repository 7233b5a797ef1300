"""Whole tests: at an edge and an orchestrator that the test speaks for, and at proxies in front of stand-ins."""

import asyncio
from collections.abc import AsyncIterator

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from edge.server import serving
from edge.settings import EdgeSettings
from loadtest.load import Plan, Progress, run_load
from loadtest.report import text
from loadtest.sessions import Mark, Outcome
from loadtest.speech import opus_voice, pcm_voice, questions
from loadtest.synthesizing import Synthesizing, SynthesizingHabits
from loadtest.talking import Habits, Talking
from loadtest.targets import ConversationTarget
from loadtest.targets.converse import ConverseJsonTarget, ConverseTarget
from loadtest.targets.realtime import RealtimeTarget
from loadtest.transcribing import Transcribing, TranscribingHabits
from mesh.errors import AtCapacity
from mesh.tasks import beside
from standins.stt.engine import SttEngine
from standins.stt.options import SttOptions
from standins.tts.engine import TtsEngine
from standins.tts.options import TtsOptions
from tests.engines.proxies import proxies_before
from tests.fakes.conversation import Conversation, FakeConversation, conversation_server

FRAME = bytes(3_840)
QUESTION = np.rint(8_000 * np.sin(0.1 * np.arange(9_600))).astype(np.int16)
"""0.4 s."""

HABITS = Habits(turns=1, pause_s=(0.05, 0.1))
PLAN = Plan(users=2, ramp_s=0.2, duration_s=3.0, settle_s=0.0)


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture(params=["/v1/realtime", "/v1/converse", "grpc"])
async def target(fake: FakeConversation, request: pytest.FixtureRequest) -> AsyncIterator[ConversationTarget]:
    async with conversation_server(fake) as server:
        settings = EdgeSettings(port=0, orchestrator_target=server.address, voices_target="127.0.0.1:9")
        async with serving(settings, registry=CollectorRegistry()) as edge:
            url = f"ws://127.0.0.1:{edge.port}{request.param}"
            match request.param:
                case "/v1/realtime":
                    yield RealtimeTarget(url, opus_voice([QUESTION]))
                case "/v1/converse":
                    yield ConverseJsonTarget(url, opus_voice([QUESTION]))
                case _:
                    yield ConverseTarget(server.address, pcm_voice([QUESTION]))


async def answer_all(fake: FakeConversation) -> None:
    async with asyncio.TaskGroup() as tasks:
        while True:
            # Some of them come after a pause.
            tasks.create_task(answer(await fake._conversations.get()))


async def answer(far_end: Conversation) -> None:
    """Confirm the update, if one comes; then answer each stretch of sound that ends."""
    first = await far_end.next_request()
    if first.HasField("update"):
        await far_end.say(first.request_id, session_updated={})
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


async def test_users_talk_listen_and_talk_again(fake: FakeConversation, target: ConversationTarget) -> None:
    seen: list[Progress] = []
    async with beside(answer_all(fake)):
        result = await run_load(PLAN, Talking(target, HABITS), on_progress=seen.append)
    turns = result.turns()
    assert len(turns) >= 3
    assert result.outcomes() == {Outcome.ANSWERED: len(turns)}
    assert len(result.records) > 2, "a session that is over is followed by another"
    for turn in turns:
        assert 0 < turn.marks[Mark.SPEECH_STOPPED] <= turn.marks[Mark.REPLY_CREATED] <= turn.marks[Mark.FIRST_AUDIO]
        # Unmute's dialect adds a frame of silence.
        assert turn.audio_s == pytest.approx(0.28, abs=0.081)
    assert max(each.live for each in seen) == 2
    said = "\n".join(text.lines(result))
    assert "first audio" in said
    assert "0 refused, 0 lost" in said


async def test_refusals_are_counted_by_reason(fake: FakeConversation, target: ConversationTarget) -> None:
    fake.refusal = AtCapacity("no recogniser is free", retry_after=0.5)
    result = await run_load(PLAN._replace(duration_s=0.5), Talking(target, HABITS))
    assert set(result.refusals()) == {"AT_CAPACITY"}
    assert result.refused_after()
    assert result.turns() == []


async def test_recognisers_and_voices_alone() -> None:
    stt = SttEngine(SttOptions(step_s=0.0, warm_up_steps=0))
    tts = TtsEngine(TtsOptions(first_audio_s=0.05))
    async with stt.serving("127.0.0.1", 0), tts.serving("127.0.0.1", 0), proxies_before([stt], [tts]) as proxies:
        speaking = TranscribingHabits(turns=1, pause_s=(0.0, 0.1))
        plan = Plan(users=1, ramp_s=0.0, duration_s=4.5, settle_s=0.0)
        heard, said = await asyncio.gather(
            run_load(plan, Transcribing(proxies.stt.address, pcm_voice(questions()[1:2]), speaking)),
            run_load(plan, Synthesizing(proxies.tts.address, SynthesizingHabits(pause_s=(0.0, 0.1)), "Ten past two.")),
        )
        assert set(heard.outcomes()) == set(said.outcomes()) == {Outcome.ANSWERED}
        assert {Mark.SPEECH_STOPPED, Mark.FLUSHED} == set(heard.marks())
        assert {Mark.STARTED, Mark.FIRST_AUDIO} == set(said.marks())
        assert all(turn.audio_s > 0.5 for turn in said.turns())
