"""A peer whose machine is gone says nothing at all: only pings that are not answered tell."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from mesh.discovery.search import Replicas, admitted
from mesh.errors import UpstreamDown
from mesh.rpc import channels, server
from mesh.tasks import beside
from tests.mesh.discovery.replica import CONFIG, Speaker, method
from tests.tcp import serving_tcp


class Wire:
    """A TCP connection to a port, which can be cut without either end being told."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._whole = asyncio.Event()
        self._whole.set()
        self.address = ""

    def cut(self) -> None:
        self._whole.clear()

    @contextlib.asynccontextmanager
    async def laid(self) -> AsyncIterator["Wire"]:
        async with beside() as tasks:

            async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
                there = tasks.create_task(self._carry(reader, far_writer))
                await self._carry(far_reader, writer)
                await there

            async with serving_tcp(connect) as port:
                self.address = f"127.0.0.1:{port}"
                yield self

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError), contextlib.closing(writer):
            while some := await reader.read(65_536):
                await self._whole.wait()
                writer.write(some)


def hastened(name: str, value: int) -> int:
    """Pings come a hundred times as often; their time-outs stay long enough for a busy machine."""
    if not name.endswith("_ms"):
        return value
    return value // 10 if "timeout" in name else value // 100


@pytest.fixture(autouse=True)
def _hasten(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (channels, server):
        monkeypatch.setattr(module, "_OPTIONS", [(name, hastened(name, value)) for name, value in module._OPTIONS])


async def test_both_ends_notice_and_the_slot_is_freed() -> None:
    speaker = Speaker()
    async with (
        speaker.served() as server,
        Wire(server.port).laid() as wire,
        Replicas("tts", wire.address) as replicas,
        admitted(replicas, method, CONFIG) as stream,
    ):
        wire.cut()
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
