"""Whatever takes time leaves the process free for everybody else, and has an end."""

import asyncio
import sys
from collections.abc import Awaitable
from typing import TypeVar

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from mesh.engines.server_urls import parse_urls
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings
from tests.fakes.cloning import FakeCloning
from tests.fakes.llm import FakeLlm, serving
from tests.orchestrator.prompts.test_prompts import KINDS, prompt_of
from tests.voice_service.harness import spoken, wav
from tts_proxy.engines.espeak.library import Prosody
from voice_service.engines.espeak import EspeakCloning
from voice_service.engines.moshi import MoshiCloning

TURNS = 20
"""Times that the loop comes round while something is awaited; what blocks it lets it come round once or twice."""

T = TypeVar("T")


async def meanwhile(slow: Awaitable[T]) -> T:
    """Await something, and see that the loop goes on."""
    task = asyncio.ensure_future(slow)
    turns = 0
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert turns >= TURNS
    return await task


class Never(Response):
    """An answer that does not come."""

    async def __call__(self, _scope: Scope, receive: Receive, _send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass


class Watch:
    """Sees what the interpreter opens: files, connections, processes."""

    def __init__(self) -> None:
        self.on = False
        self.seen: list[str] = []
        sys.addaudithook(self._see)  # nothing takes it off again

    def _see(self, event: str, _arguments: object) -> None:
        if self.on and event.partition(".")[0] in ("open", "os", "socket", "subprocess", "time"):
            self.seen.append(event)


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.mark.unmute("B19")
@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_is_made_of_what_the_process_knows(kind: str, watch: Watch) -> None:
    prompt_of(kind)
    watch.on = True
    try:
        prompt_of(kind)
    finally:
        watch.on = False
    assert watch.seen == []


@pytest.mark.unmute("B19")
async def test_a_list_of_models_that_does_not_come_holds_up_nobody_and_is_given_up() -> None:
    fake = FakeLlm()
    fake.models_answer = Never()
    async with (
        serving(fake) as url,
        LanguageModel(OrchestratorSettings(llm_url=url, llm_first_token_s=0.3)) as model,
    ):
        assert not await meanwhile(model.answers())
        with pytest.raises(LanguageModelFailed, match="took too long"):
            await meanwhile(anext(model.words([], 0.5)))


@pytest.mark.unmute("B19")
async def test_a_voice_is_cloned_beside_everything_else() -> None:
    assert await meanwhile(EspeakCloning().clone(wav(*spoken(Prosody("gmw/en-US")))))


@pytest.mark.unmute("B19")
async def test_a_voice_is_cloned_by_a_server_beside_everything_else() -> None:
    fake = FakeCloning()
    fake.takes_s = 0.1
    async with serving(fake) as url, MoshiCloning(parse_urls([url.replace("http://", "ws://")])) as engine:
        assert await meanwhile(engine.clone(wav(*spoken(Prosody("gmw/en-US")))))
