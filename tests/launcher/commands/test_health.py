from tests.fakes.conversation import FakeConversation, conversation_server
from tests.launcher.conftest import Parley
from tests.launcher.running.test_probes import answering


async def test_a_grpc_process_serves_until_it_drains(parley: Parley) -> None:
    async with conversation_server(FakeConversation()) as server:
        port = server.address.rpartition(":")[2]
        # In a container it listens everywhere, and is asked at home.
        for host in ("127.0.0.1", "0.0.0.0"):  # noqa: S104 - nothing listens there
            ran = await parley("health", "orchestrator", PARLEY_ORCHESTRATOR_HOST=host, PARLEY_ORCHESTRATOR_PORT=port)
            assert (ran.code, ran.out) == (0, "orchestrator serves\n")
        await server.health.stop_serving()
        ran = await parley("health", "orchestrator", PARLEY_ORCHESTRATOR_PORT=port)
        assert ran.code == 1
        assert f"orchestrator does not serve at 127.0.0.1:{port}" in ran.err


async def test_the_edge_answers_over_http(parley: Parley) -> None:
    async with answering(b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"ok":false}') as port:
        ran = await parley("health", "edge", PARLEY_EDGE_PORT=str(port))
    assert (ran.code, ran.out) == (0, "edge serves\n")
    ran = await parley("health", "edge", PARLEY_EDGE_PORT=str(port))
    assert ran.code == 1


async def test_a_setting_that_does_not_fit_is_named(parley: Parley) -> None:
    ran = await parley("health", "edge", PARLEY_EDGE_PORT="many")
    assert ran.code == 1
    assert "PARLEY_EDGE_PORT=many" in ran.err
