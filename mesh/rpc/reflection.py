"""Server reflection, as grpcurl and its like ask for it: of methods too, and in the versions v1 and v1alpha."""

from collections.abc import Iterable
from typing import Any

import grpc
from google.protobuf import descriptor_pool, json_format
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection, reflection_pb2

_V1ALPHA = "grpc.reflection.v1alpha"
_V1 = "grpc.reflection.v1"
_METHOD = "ServerReflectionInfo"
NAMES = (f"{_V1}.ServerReflection", f"{_V1ALPHA}.ServerReflection")


def add_to(server: grpc.aio.Server, services: Iterable[str]) -> None:
    """Let `server` describe these services; before it is started."""
    servicer = reflection.aio.ReflectionServicer((*services, *NAMES), pool=_Symbols(_with_v1()))
    # The messages of both versions are the same on the wire.
    method = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers(
        tuple(grpc.method_handlers_generic_handler(name, {_METHOD: method}) for name in NAMES)
    )


class _Symbols:
    """A pool of descriptors that also finds methods, which protobuf's own does not."""

    def __init__(self, pool: descriptor_pool.DescriptorPool) -> None:
        self._pool = pool

    def FindFileContainingSymbol(self, symbol: str) -> FileDescriptor:  # noqa: N802 - the pool's name
        """The file that defines a symbol. Raises `KeyError`."""
        try:
            return self._pool.FindFileContainingSymbol(symbol)
        except KeyError:
            service, _, method = symbol.rpartition(".")
            found = self._pool.FindServiceByName(service)
            if method not in found.methods_by_name:
                raise
            return found.file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pool, name)


def _with_v1() -> descriptor_pool.DescriptorPool:
    """The default pool, with the definition of v1: that of v1alpha in another package."""
    pool = descriptor_pool.Default()
    definition = FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(definition)
    renamed = json_format.MessageToJson(definition).replace("v1alpha", "v1")
    try:
        pool.FindFileByName(definition.name.replace("v1alpha", "v1"))
    except KeyError:
        pool.AddSerializedFile(json_format.Parse(renamed, FileDescriptorProto()).SerializeToString())
    return pool
