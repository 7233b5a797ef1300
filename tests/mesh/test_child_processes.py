"""Processes that are started while gRPC is at work."""

import subprocess
import sys

BUSY = """\
import asyncio, contextlib

import mesh
import grpc, uvloop

async def main():
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        unknown = channel.unary_unary("/nothing/here")

        async def ask():
            while True:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await unknown(b"")

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        codes = [await (await asyncio.create_subprocess_exec("true")).wait() for _ in range(300)]
        for each in asking:
            each.cancel()
    await server.stop(0)
    print({code: codes.count(code) for code in codes})

uvloop.run(main())
"""


def test_they_all_live() -> None:
    """Without the setting that `mesh` makes, a few of a hundred are killed before they begin."""
    command = [sys.executable, "-c", BUSY]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)  # noqa: S603 - our own
    assert ended.stdout == "{0: 300}\n"
    assert ended.stderr == ""
