import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from mesh.discovery.addresses import BadTarget
from mesh.process.ports import PortTaken
from mesh.rpc.server import GrpcServer
from mesh.settings import load
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.clients import Client, client_of
from tests.edge.conftest import EdgeFactory
from tests.fakes.conversation import FakeConversation
from tests.stt_proxy.test_main import free_ports


class TestSettings:
    def test_defaults(self) -> None:
        settings = load(EdgeSettings, {})
        assert (settings.host, settings.port) == ("127.0.0.1", 8000)
        assert settings.orchestrator_target == "127.0.0.1:50051"
        assert settings.voices_target == "127.0.0.1:50054"
        assert settings.cors_origins == ("http://localhost", "http://localhost:3000")
        assert not settings.share_port

    def test_from_the_environment(self) -> None:
        environ = {
            "PARLEY_EDGE_PORT": "8010",
            "PARLEY_MESH_ORCHESTRATOR_TARGET": "dns:///orchestrator:50051",
            "PARLEY_MESH_VOICES_TARGET": "voices:1",
            "PARLEY_EDGE_CORS_ORIGINS": "https://a.example, https://b.example",
            "PARLEY_EDGE_SHARE_PORT": "true",
        }
        settings = load(EdgeSettings, environ)
        assert settings.port == 8010
        assert settings.orchestrator_target == "dns:///orchestrator:50051"
        assert settings.voices_target == "voices:1"
        assert settings.cors_origins == ("https://a.example", "https://b.example")
        assert settings.share_port


class TestPort:
    async def test_a_taken_port_is_refused(self, serve_edge: EdgeFactory) -> None:
        async with serve_edge() as edge:
            with pytest.raises(PortTaken, match=str(edge.port)):
                async with serve_edge(port=edge.port):
                    pass

    async def test_a_port_can_be_shared(self, serve_edge: EdgeFactory) -> None:
        async with serve_edge(share_port=True) as edge, serve_edge(share_port=True, port=edge.port):
            pass

    async def test_a_bad_target_is_refused(self) -> None:
        with pytest.raises(BadTarget):
            async with serving(EdgeSettings(orchestrator_target="nowhere"), registry=CollectorRegistry()):
                pass


class TestDraining:
    async def test_replies_go_on_and_new_clients_find_nobody(
        self, edge: EdgeServer, client: Client, fake: FakeConversation
    ) -> None:
        talk = await fake.next_conversation()
        await talk.say(reply_created={"reply_id": "r1"})
        assert (await client.next_event())["type"] == "response.created"
        await edge.refuse_sessions()
        with pytest.raises(ConnectionRefusedError):
            async with client_of(edge.port):
                pass
        await talk.say(warning={"message": "still here"})
        assert (await client.next_event())["error"]["message"] == "still here"

    async def test_a_client_that_is_already_connected_is_answered_503(self, edge: EdgeServer) -> None:
        early = socket.create_connection(("127.0.0.1", edge.port))
        async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{edge.port}", trust_env=False) as http:
            await http.get("/")  # accepted after the early one, which is therefore accepted too
            await edge.refuse_sessions()
            with capture_logs() as logs, pytest.raises(InvalidStatus, match="503"):
                async with client_of(edge.port, sock=early):
                    pass
            counted = (await http.get("/metrics")).text
        refused = [(line["reason"], line["log_level"]) for line in logs if line["event"] == "refused a conversation"]
        assert refused == [("draining", "info")]
        assert 'parley_edge_refusals_total{reason="draining"} 1.0' in counted

    async def test_what_is_left_is_told_and_closed_with_1012(
        self, serve_edge: EdgeFactory, fake: FakeConversation, orchestrator: GrpcServer
    ) -> None:
        async with AsyncExitStack() as outliving:
            async with serve_edge(orchestrator_target=orchestrator.address) as edge:
                client = await outliving.enter_async_context(client_of(edge.port))
                talk = await fake.next_conversation()
                not_yet_begun = await outliving.enter_async_context(client_of(edge.port, "/v1/converse"))
            error = (await client.next_event())["error"]
            assert error["type"] == "fatal"
            assert error["details"] == {"reason": "DRAINING", "service": None, "retry_after": 1.0}
            assert await client.closed() == (1012, error["message"])
            await talk.hung_up()
            assert (await not_yet_begun.next_event())["error"]["reason"] == "DRAINING"
            assert (await not_yet_begun.closed())[0] == 1012


class TestProcess:
    @asynccontextmanager
    async def started(self, port: int, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "edge",
            env={**os.environ, "PARLEY_EDGE_PORT": str(port), **environ},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def test_a_taken_port_ends_it_with_one_clear_line(self, edge: EdgeServer) -> None:
        async with self.started(edge.port) as process:
            _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 1
        assert f"port {edge.port} on 127.0.0.1 is taken" in errors.decode()
        assert "Traceback" not in errors.decode()

    async def test_a_bad_target_ends_it(self) -> None:
        async with self.started(0, PARLEY_MESH_VOICES_TARGET="nowhere") as process:
            _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 1
        assert "voice service: 'nowhere' is not host:port" in errors.decode()

    async def test_it_drains_when_asked_to_stop(self, fake: FakeConversation, orchestrator: GrpcServer) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with self.started(port, PARLEY_MESH_ORCHESTRATOR_TARGET=orchestrator.address) as process:
            assert process.stderr is not None
            async with asyncio.timeout(20):
                await process.stderr.readuntil(b"serving")
            async with client_of(port) as client:
                talk = await fake.next_conversation()
                await talk.say(reply_created={"reply_id": "r1"})
                assert (await client.next_event())["type"] == "response.created"
                process.send_signal(signal.SIGTERM)
                async with asyncio.timeout(20):
                    await process.stderr.readuntil(b"draining")
                await talk.say(warning={"message": "still here"})
                assert (await client.next_event())["error"]["message"] == "still here"
                await talk.end(conversation.END_CAUSE_GOODBYE)
                assert (await client.closed())[0] == 1000
            _, errors = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert "Traceback" not in errors.decode()

    async def test_edges_that_share_a_port_each_tell_prometheus_their_own(self) -> None:
        shared, *own = free_ports(3)
        async with AsyncExitStack() as exits:
            for port in own:
                process = await exits.enter_async_context(
                    self.started(shared, PARLEY_EDGE_SHARE_PORT="true", PARLEY_EDGE_METRICS_PORT=str(port))
                )
                assert process.stderr is not None
                async with asyncio.timeout(20):
                    await process.stderr.readuntil(b"serving")
            started_at = set()
            for port in own:
                async with httpx2.AsyncClient(trust_env=False) as http:
                    told = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
                assert "worker_sessions_total" in told
                started_at.add(re.search(r"^process_start_time_seconds (\S+)$", told, re.MULTILINE)[1])  # type: ignore[index]
        assert len(started_at) == 2
