"""Asks processes whether they are ready, and an address whether an edge of Parley answers there."""

import asyncio
import http.client
from typing import Any

import grpc
import msgspec
from grpc_health.v1 import health_pb2

from mesh.discovery.addresses import HostPort
from mesh.rpc.channels import open_channel

_SERVING = health_pb2.HealthCheckResponse.SERVING


async def grpc_serving(address: str, *, timeout_s: float = 1.0) -> bool:
    """Whether the gRPC server at `address` ("host:port") says that it serves."""
    async with open_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            response = await check(health_pb2.HealthCheckRequest(), timeout=timeout_s)
        except grpc.aio.AioRpcError:
            return False
    return bool(response.status == _SERVING)


async def listens(host: str, port: int, *, timeout_s: float = 1.0) -> bool:
    """Whether somebody takes TCP connections there."""
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True


async def http_json(host: str, port: int, path: str, *, timeout_s: float = 1.0) -> Any:
    """The JSON that `GET path` answers with status 200, or None when it does not."""
    return await asyncio.to_thread(_get_json, host, port, path, timeout_s)


def _get_json(host: str, port: int, path: str, timeout_s: float) -> Any:
    connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return msgspec.json.decode(response.read(1 << 20)) if response.status == http.client.OK else None
    except (OSError, http.client.HTTPException, msgspec.DecodeError):
        return None
    finally:
        connection.close()


async def is_running(edge: HostPort) -> bool:
    """Whether an edge of Parley answers at this address."""
    match await http_json(*edge, "/v1/health", timeout_s=3.0):
        case {"stt_up": bool(), "tts_up": bool(), "llm_up": bool()}:
            return True
        case _:
            return False
