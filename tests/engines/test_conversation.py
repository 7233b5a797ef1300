"""A whole conversation: orchestrator, both proxies, and stand-ins of the production engines behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import grpc
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from mesh.discovery.search import Replicas
from mesh.rpc.server import GrpcServer
from orchestrator.llm.client import LanguageModel
from orchestrator.metrics import Metrics
from orchestrator.prompts.headlines import HeadlineCache
from orchestrator.prompts.prompts import Prompts
from orchestrator.prompts.texts import read_texts
from orchestrator.recorder import Recordings
from orchestrator.session.reply import Upstreams
from orchestrator.session.service import ConversationServicer
from orchestrator.session.synthesis_queue import SynthesisQueue
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1 import conversation_pb2 as pb
from parley.conversation.v1.conversation_pb2_grpc import add_ConversationServiceServicer_to_server
from standins.llm.engine import LlmEngine
from standins.llm.options import LlmOptions
from standins.stt.engine import SttEngine
from standins.tts.engine import TtsEngine
from tests.engines.proxies import Proxies, proxies_before
from tests.orchestrator.caller import Caller, calling

FRAME_S = 0.08
QUIET = np.zeros(1_920, "<i2").tobytes()
TONE = (8_000 * np.sin(np.arange(1_920) * 2 * np.pi * 220 / 24_000)).astype("<i2").tobytes()
STORY = " ".join(["Once upon a time there was a tale that would not end,"] * 12)


@dataclass(frozen=True)
class Town:
    """Everything that a conversation needs."""

    stt: SttEngine
    tts: TtsEngine
    llm: LlmEngine
    proxies: Proxies
    channel: grpc.aio.Channel

    async def all_free(self) -> None:
        for engine in (self.stt, self.tts, self.llm):
            await engine.slots.until_free()
        async with asyncio.timeout(2):
            while any(self.proxies.leases):  # noqa: ASYNC110 - only to be asked for
                await asyncio.sleep(0.01)


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        stt, tts = await enter(SttEngine().serving()), await enter(TtsEngine().serving())
        llm = await enter(LlmEngine(LlmOptions(replies=(STORY,))).serving())
        proxies = await enter(proxies_before([stt], [tts]))
        # Started only when the turn has ended: every voice that is taken is one that is heard, and can be counted.
        settings = OrchestratorSettings(port=0, metrics_port=0, llm_url=llm.url, speculative_start=False)
        upstreams = Upstreams(
            await enter(LanguageModel(settings)),
            await enter(Replicas("speech synthesis", proxies.tts.address)),
            Metrics(CollectorRegistry()),
            SynthesisQueue(settings.voice_wait_s),
        )
        ears = await enter(Replicas("speech recognition", proxies.stt.address))
        prompts = Prompts(read_texts(), await enter(HeadlineCache(settings)))
        servicer = ConversationServicer(settings, ears, upstreams, prompts, await enter(Recordings(settings)))
        server = await enter(
            GrpcServer(
                settings,
                services=[pb.DESCRIPTOR.services_by_name["ConversationService"]],
                add=lambda server: add_ConversationServiceServicer_to_server(servicer, server),
            )
        )
        yield Town(stt, tts, llm, proxies, await enter(grpc.aio.insecure_channel(server.address)))


async def talk(caller: Caller, *, quiet_s: float, speech_s: float) -> None:
    """Be quiet and then speak, in real time."""
    for sound, length_s in ((QUIET, quiet_s), (TONE, speech_s)):
        for _ in range(round(length_s / FRAME_S)):
            await caller.play(sound)
            await asyncio.sleep(FRAME_S)


@asynccontextmanager
async def listening_quietly(caller: Caller) -> AsyncIterator[None]:
    """The microphone stays open and hears nothing."""

    async def quiet() -> None:
        while True:
            await talk(caller, quiet_s=1, speech_s=0)

    task = asyncio.create_task(quiet())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_question_is_answered_and_the_answer_interrupted() -> None:
    async with town() as town_, calling(town_.channel) as caller:
        await caller.say("Hi!")
        await caller.until("reply_audio")
        await talk(caller, quiet_s=1.2, speech_s=1.2)
        async with listening_quietly(caller):
            cancelled = await caller.until("reply_cancelled")
            assert cancelled.cause == pb.CANCEL_CAUSE_WORD_RECOGNIZED
            ended = await caller.until("user_turn_ended")
            assert ended.text
            created = await caller.until("reply_created")
            assert created.reply_id != cancelled.reply_id
            while not caller.audio(created.reply_id):
                await caller.next()
            # The first reply's slot is free although there was much more to say; the second's is taken.
            await town_.tts.slots.until(lambda: town_.tts.slots.used == 1, 2.0)
            assert town_.tts.slots.granted == 2
            words = [word for word in caller.received("reply_word_spoken") if word.reply_id == created.reply_id]
            assert all(word.text in STORY for word in words)
        first = [word.text for word in caller.received("reply_word_spoken") if word.reply_id == cancelled.reply_id]
        assert STORY.startswith(" ".join(first))
        assert town_.stt.slots.used == 1
        await caller.hang_up()
        await town_.all_free()


@pytest.mark.unmute("B23")
async def test_an_engine_lost_in_the_middle_is_replaced_and_hears_the_question() -> None:
    async with town() as town_:
        town_.stt.break_down("close:how=reset,after=10")
        async with calling(town_.channel) as caller:
            await talk(caller, quiet_s=0.8, speech_s=0.4)
            town_.stt.recover()
            await talk(caller, quiet_s=0.0, speech_s=1.0)
            async with listening_quietly(caller):
                ended = await caller.until("user_turn_ended")
            assert ended.text
            assert [warning.reason for warning in caller.received("warning")][:1] == ["STT_LOST"]
            assert town_.stt.slots.granted >= 2
            await caller.hang_up()
            await town_.all_free()
