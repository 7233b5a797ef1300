"""Every way a call between services fails, as exceptions that map onto gRPC statuses and back.

    MeshError
    ├── AtCapacity                      RESOURCE_EXHAUSTED  AT_CAPACITY, RetryInfo
    │   └── MissingServiceAtCapacity
    ├── Draining                        UNAVAILABLE         DRAINING
    ├── UpstreamDown                    UNAVAILABLE         UPSTREAM_DOWN
    │   └── MissingServiceTimeout
    ├── UpstreamMisconfigured           FAILED_PRECONDITION UPSTREAM_MISCONFIGURED
    ├── NotOffered                      FAILED_PRECONDITION NOT_OFFERED
    ├── InvalidRequest                  INVALID_ARGUMENT    BAD_REQUEST, BadRequest
    │   ├── ConfigRequired                                  CONFIG_REQUIRED
    │   ├── BadAudioFormat                                  BAD_AUDIO_FORMAT
    │   ├── BadAudio                                        BAD_AUDIO
    │   ├── UploadTooLarge                                  UPLOAD_TOO_LARGE
    │   └── UploadIncomplete                                UPLOAD_INCOMPLETE
    ├── VoiceNotFound                   NOT_FOUND           VOICE_NOT_FOUND
    ├── Idle                            DEADLINE_EXCEEDED   IDLE
    └── InternalError                   INTERNAL            INTERNAL

A service may add kinds of its own, with reasons of their own. A client receives them as the kind that has their code.

A servicer raises one of these and the interceptor answers with its status; a client catches `MeshError` and never sees
`grpc.aio.AioRpcError`.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import grpc
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from mesh.times import duration, seconds

DOMAIN = "parley"
"""The `ErrorInfo.domain` of every error of the mesh."""

_DETAILS_KEY = "grpc-status-details-bin"
"""Where gRPC carries a serialised `google.rpc.Status` in trailing metadata."""

_LONGEST_MESSAGE = 500
"""Characters. Details travel twice in trailing metadata, of which a peer need take only 8 KiB."""


class MeshError(Exception):
    """A call failed.

    `message` is for people and may travel to the caller, so it holds nothing private; `code` and `reason` are for
    programs. `retry_after` is the seconds after which trying again makes sense (None: unknown). `field` is the faulty
    part of the request, as a path from the request message ("config.format"). `service` names the service that is
    missing.
    """

    default_code: ClassVar[grpc.StatusCode] = grpc.StatusCode.UNKNOWN
    default_reason: ClassVar[str] = "UNKNOWN"
    default_retry_after: ClassVar[float | None] = None

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode | None = None,
        reason: str | None = None,
        retry_after: float | None = None,
        field: str | None = None,
        service: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.reason = reason or self.default_reason
        self.retry_after = self.default_retry_after if retry_after is None else retry_after
        self.field = field
        self.service = service

    def cause(self) -> str:
        """The causes of the error, for the log only; empty if there is none."""
        origin = self.__cause__
        if isinstance(origin, grpc.aio.AioRpcError):
            return f"{origin.code().name}: {origin.details()}"
        return "" if origin is None else f"{type(origin).__name__}: {origin}"


class AtCapacity(MeshError):
    """The replica is full; another may not be. Raised before `started`, or not at all."""

    default_code = grpc.StatusCode.RESOURCE_EXHAUSTED
    default_reason = "AT_CAPACITY"
    default_retry_after = 1.0


class MissingServiceAtCapacity(AtCapacity):
    """No replica of `service` admits, and at least one of them because it is full."""

    @classmethod
    def of(cls, service: str, *, retry_after: float | None = None) -> Self:
        """The error for `service`, which asks callers to come back in `retry_after` seconds."""
        return cls(f"every {service} is taken", retry_after=retry_after, service=service)


class Draining(MeshError):
    """The replica is about to stop and takes nothing new."""

    default_code = grpc.StatusCode.UNAVAILABLE
    default_reason = "DRAINING"


class UpstreamDown(MeshError):
    """What this service needs cannot be reached, or has gone away."""

    default_code = grpc.StatusCode.UNAVAILABLE
    default_reason = "UPSTREAM_DOWN"


class MissingServiceTimeout(UpstreamDown):
    """No replica of `service` answered in time."""

    @classmethod
    def of(cls, service: str) -> Self:
        """The error for `service`."""
        return cls(f"no {service} can be reached", service=service)


class UpstreamMisconfigured(MeshError):
    """What this service needs is there, but will not serve it as it is set up: a wrong key, URL or model."""

    default_code = grpc.StatusCode.FAILED_PRECONDITION
    default_reason = "UPSTREAM_MISCONFIGURED"


class NotOffered(MeshError):
    """The operator of this service has switched off what the request asks for."""

    default_code = grpc.StatusCode.FAILED_PRECONDITION
    default_reason = "NOT_OFFERED"


class InvalidRequest(MeshError):
    """The request can never be honoured as it is. `field` names the faulty part."""

    default_code = grpc.StatusCode.INVALID_ARGUMENT
    default_reason = "BAD_REQUEST"


class ConfigRequired(InvalidRequest):
    """The first request of the stream was not its config."""

    default_reason = "CONFIG_REQUIRED"


class BadAudioFormat(InvalidRequest):
    """The audio format that was asked for is not taken here."""

    default_reason = "BAD_AUDIO_FORMAT"


class BadAudio(InvalidRequest):
    """These bytes are not audio in the stream's format."""

    default_reason = "BAD_AUDIO"


class UploadTooLarge(InvalidRequest):
    """More was sent than is taken."""

    default_reason = "UPLOAD_TOO_LARGE"


class UploadIncomplete(InvalidRequest):
    """What has arrived is not what was sent, or only a part of it."""

    default_reason = "UPLOAD_INCOMPLETE"


class VoiceNotFound(MeshError):
    """No voice has this name."""

    default_code = grpc.StatusCode.NOT_FOUND
    default_reason = "VOICE_NOT_FOUND"


class Idle(MeshError):
    """The peer was silent past its limit."""

    default_code = grpc.StatusCode.DEADLINE_EXCEEDED
    default_reason = "IDLE"


class InternalError(MeshError):
    """A bug. It says nothing; the log of the service that failed has the trace."""

    default_code = grpc.StatusCode.INTERNAL
    default_reason = "INTERNAL"

    def __init__(self, message: str = "internal error", **details: Any) -> None:
        super().__init__(message, **details)


def to_status(error: MeshError) -> grpc.Status:
    """The gRPC status of `error`, with its details: an ErrorInfo, and where it applies a RetryInfo and a BadRequest."""
    info = ErrorInfo(reason=error.reason, domain=DOMAIN)
    if error.service is not None:
        info.metadata["service"] = error.service
    status = Status(code=error.code.value[0], message=error.message[:_LONGEST_MESSAGE])
    status.details.add().Pack(info)
    if error.retry_after is not None:
        status.details.add().Pack(RetryInfo(retry_delay=duration(error.retry_after)))
    if error.field is not None:
        violation = BadRequest.FieldViolation(field=error.field, description=status.message)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    return rpc_status.to_status(status)


def from_rpc_error(error: grpc.aio.AioRpcError) -> MeshError:
    """The exception that a failed call stands for; `error` becomes its `__cause__`.

    A status that no service of the mesh made (the connection failed, a proxy answered) keeps its code but not its text,
    which contains addresses: UNAVAILABLE becomes `UpstreamDown`, others a plain `MeshError` with the code as reason.
    """
    details = list(_details(error))
    info = next((each for each in details if isinstance(each, ErrorInfo) and each.domain == DOMAIN), None)
    made = _foreign(error) if info is None else _our_own(error, info, details)
    made.__cause__ = error
    return made


def _details(error: grpc.aio.AioRpcError) -> Iterator[Any]:
    try:
        status = Status.FromString(dict(error.trailing_metadata() or ()).get(_DETAILS_KEY, b""))
    except DecodeError:
        return
    for packed in status.details:
        for kind in (ErrorInfo, RetryInfo, BadRequest):
            if packed.Is(kind.DESCRIPTOR):
                yield kind.FromString(packed.value)


def _foreign(error: grpc.aio.AioRpcError) -> MeshError:
    code = error.code()
    message = f"the call failed with {code.name}"
    if code is grpc.StatusCode.UNAVAILABLE:
        return UpstreamDown(message)
    return MeshError(message, code=code, reason=code.name)


def _our_own(error: grpc.aio.AioRpcError, info: ErrorInfo, details: list[Any]) -> MeshError:
    service = info.metadata.get("service")
    of_code = InvalidRequest if error.code() is InvalidRequest.default_code else MeshError
    kind: type[MeshError] = (_MISSING if service else _BY_REASON).get(info.reason, of_code)
    return kind(
        error.details() or "",
        code=error.code(),
        reason=info.reason,
        retry_after=next((seconds(each.retry_delay) for each in details if isinstance(each, RetryInfo)), None),
        field=next((each.field_violations[0].field for each in details if isinstance(each, BadRequest)), None),
        service=service,
    )


def _tree(kind: type[MeshError]) -> Iterator[type[MeshError]]:
    """A kind of error, and all kinds of it."""
    yield kind
    for each in kind.__subclasses__():
        yield from _tree(each)


_BY_REASON = {kind.default_reason: kind for kind in _tree(MeshError) if "default_reason" in vars(kind)}
_MISSING = {kind.default_reason: kind for kind in _tree(MeshError) if "default_reason" not in vars(kind)}
"""The kinds that have their parent's reason: they are what it means where a service is named."""
