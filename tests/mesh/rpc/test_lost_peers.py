"""A peer whose machine is gone says nothing at all: only pings that are not answered tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from chaos.link import Link
from mesh.discovery.search import Replicas, admitted
from mesh.errors import UpstreamDown
from mesh.rpc import channels, server
from tests.mesh.discovery.replica import CONFIG, Speaker, method


def hastened(name: str, value: int) -> int:
    """Pings come a hundred times as often; their time-outs stay long enough for a busy machine."""
    if not name.endswith("_ms"):
        return value
    return value // 10 if "timeout" in name else value // 100


@contextlib.asynccontextmanager
async def before(port: int) -> AsyncIterator[Link]:
    link = Link("127.0.0.1", port)
    await link.listen()
    try:
        yield link
    finally:
        await link.close()


@pytest.fixture(autouse=True)
def _hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (channels, server):
        monkeypatch.setattr(module, "_OPTIONS", [(name, hastened(name, value)) for name, value in module._OPTIONS])


async def test_both_ends_notice_and_the_slot_is_freed() -> None:
    speaker = Speaker()
    async with (
        speaker.served() as server,
        before(server.port) as link,
        Replicas("tts", link.address) as replicas,
        admitted(replicas, method, CONFIG) as stream,
    ):
        link.darken()
        async with asyncio.timeout(5):
            with pytest.raises(UpstreamDown):
                await anext(aiter(stream))
            await speaker.left.wait()


async def test_a_stream_on_which_nothing_is_said_lives_on() -> None:
    # gRPC pings once a second at most, and a server that does not permit it closes the connection after about four.
    speaker = Speaker()
    async with (
        speaker.served() as server,
        Replicas("tts", server.address) as replicas,
        admitted(replicas, method, CONFIG) as stream,
    ):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await anext(aiter(stream))
