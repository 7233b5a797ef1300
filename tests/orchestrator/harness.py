"""The harness of these tests: an orchestrator with stand-ins for everything around it, each on a real port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import CoroutineType
from typing import Any

import grpc
from prometheus_client import CollectorRegistry

from chaos.link import Link
from mesh.discovery.search import Replicas
from mesh.rpc.server import GrpcServer
from mesh.tasks import beside
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
from tests.fakes import llm as fake_llm
from tests.fakes import newsapi
from tests.fakes import stt as fake_stt
from tests.fakes import tts as fake_tts
from tests.orchestrator.caller import Caller, calling, dialled

TEXTS = read_texts()

Tasks = set["asyncio.Task[Any]"]


def own_tasks() -> Tasks:
    """All tasks but gRPC's, which come and go, and the test's."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return {task for task in others if isinstance(task.get_coro(), CoroutineType)}


@dataclass(frozen=True)
class Harness:
    """The stand-ins, the orchestrator, and a channel to it."""

    stt: fake_stt.FakeStt
    all_stt: list[fake_stt.FakeStt]
    """`stt`, and its other replicas."""
    stt_links: list[Link]
    """The network in front of each, if there are several."""
    tts: fake_tts.FakeTts
    all_tts: list[fake_tts.FakeTts]
    """`tts`, and its other replicas."""
    llm: fake_llm.FakeLlm
    stt_server: GrpcServer
    tts_server: GrpcServer
    registry: CollectorRegistry
    server: GrpcServer
    channel: grpc.aio.Channel
    recordings: Recordings

    def calling(self, config: pb.ConverseConfig | None = None) -> AbstractAsyncContextManager[Caller]:
        return calling(self.channel, config)

    def dialled(self) -> AbstractAsyncContextManager[Caller]:
        return dialled(self.channel)

    async def no_call_left(self) -> None:
        """Wait until the orchestrator is done with every call."""
        async with asyncio.timeout(5):
            await self.server._calls.none_left.wait()

    async def no_task_left(self, before: Tasks) -> None:
        """Wait until the orchestrator runs no more than it did `before`."""
        await self.no_call_left()
        if new := own_tasks() - before:
            await asyncio.wait(new, timeout=2)
        assert not {task.get_coro() for task in own_tasks() - before}

    async def until_empty(self, within: float = 5.0) -> None:
        """Wait until no slot of any fake is held."""
        for fake in (self.stt, self.tts, self.llm):
            await fake.slots.until_open(0, within)


@asynccontextmanager
async def orchestrator(
    settings: OrchestratorSettings, stt: str, tts: str, registry: CollectorRegistry, recordings: Recordings
) -> AsyncIterator[GrpcServer]:
    """Serve an orchestrator whose recognisers and syntheses are at these addresses."""
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        model = await enter(LanguageModel(settings))
        metrics = Metrics(registry)
        stt_replicas = await enter(Replicas("speech recognition", stt, meter=metrics.stt_search))
        tts_replicas = await enter(Replicas("speech synthesis", tts, meter=metrics.tts_search))
        upstreams = Upstreams(model, tts_replicas, metrics, SynthesisQueue(settings.voice_wait_s))
        prompts = Prompts(TEXTS, await enter(HeadlineCache(settings)))
        servicer = ConversationServicer(settings, stt_replicas, upstreams, prompts, recordings)
        server = await enter(
            GrpcServer(
                settings,
                services=[pb.DESCRIPTOR.services_by_name["ConversationService"]],
                add=lambda server: add_ConversationServiceServicer_to_server(servicer, server),
            )
        )
        async with beside(servicer.leave(server.draining, settings.drain_limit_s)):
            yield server


@asynccontextmanager
async def open_harness(voices: int = 1, ears: int = 1, **settings: Any) -> AsyncIterator[Harness]:
    """Build it, with so many replicas of the synthesis and the recogniser, and these settings of the orchestrator."""
    stt, tts, llm = fake_stt.FakeStt(), fake_tts.FakeTts(), fake_llm.FakeLlm()
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        stt_server = await enter(fake_stt.serving(stt))
        ears_at, all_stt, links = stt_server.address, [stt], []
        if ears > 1:
            all_stt += [fake_stt.FakeStt() for _ in range(ears - 1)]
            others = [await enter(fake_stt.serving(each)) for each in all_stt[1:]]
            links = [Link("127.0.0.1", each.port) for each in (stt_server, *others)]
            for link in links:
                await link.listen()
                exits.push_async_callback(link.close)
            ears_at = ",".join(link.address for link in links)
        tts_server = await enter(fake_tts.serving(tts))
        more_tts = [fake_tts.FakeTts() for _ in range(voices - 1)]
        addresses = [tts_server.address, *[(await enter(fake_tts.serving(each))).address for each in more_tts]]
        llm_url = await enter(fake_llm.serving(llm))
        chosen = OrchestratorSettings(port=0, metrics_port=0, llm_url=llm_url, **settings)
        registry = CollectorRegistry()
        recordings = await enter(Recordings(chosen))
        server = await enter(orchestrator(chosen, ears_at, ",".join(addresses), registry, recordings))
        channel = await enter(grpc.aio.insecure_channel(server.address))
        all_tts = [tts, *more_tts]
        yield Harness(
            stt, all_stt, links, tts, all_tts, llm, stt_server, tts_server, registry, server, channel, recordings
        )


@asynccontextmanager
async def open_harness_with_news(press: newsapi.FakeNewsApi, **settings: Any) -> AsyncIterator[Harness]:
    """Build one that reads the news of this fake."""
    async with (
        newsapi.serving(press) as url,
        open_harness(newsapi_url=url, newsapi_api_key=newsapi.KEY, **settings) as harness,
    ):
        yield harness
